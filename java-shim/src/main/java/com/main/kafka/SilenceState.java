package com.main.kafka;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;

/**
 * Where event time stands and how far the input was read, for a restart in the middle of a silence:
 * then no record says either.
 *
 * <p>Every subtask gets what all of them wrote, for partitions may change hands.
 */
final class SilenceState {
    // The names stand in every savepoint: they never change.
    private static final ListStateDescriptor<Long> WATERMARKS =
            new ListStateDescriptor<>("silence-watermarks", Types.LONG);
    private static final ListStateDescriptor<Tuple2<Integer, Long>> READ_UP_TO =
            new ListStateDescriptor<>("silence-read-up-to", Types.TUPLE(Types.INT, Types.LONG));

    private final ListState<Long> watermarks;
    private final ListState<Tuple2<Integer, Long>> readUpTo;

    SilenceState(OperatorStateStore store) throws Exception {
        watermarks = store.getUnionListState(WATERMARKS);
        readUpTo = store.getUnionListState(READ_UP_TO);
    }

    /** The earliest watermark of any subtask; Long.MIN_VALUE for none. */
    long watermarkMs() throws Exception {
        long earliest = Long.MAX_VALUE;
        boolean any = false;
        for (long each : watermarks.get()) {
            earliest = Math.min(earliest, each);
            any = true;
        }
        return any ? earliest : Long.MIN_VALUE;
    }

    /** By partition: the offset behind the last record read. */
    Map<Integer, Long> readUpTo() throws Exception {
        Map<Integer, Long> offsets = new HashMap<>();
        for (Tuple2<Integer, Long> each : readUpTo.get()) {
            offsets.merge(each.f0, each.f1, Math::max);
        }
        return offsets;
    }

    /** Takes the place of what was there, for this subtask. */
    void put(long watermarkMs, Map<Integer, Long> offsets) throws Exception {
        clear();
        if (watermarkMs != Long.MIN_VALUE) {
            watermarks.add(watermarkMs);
        }
        for (Map.Entry<Integer, Long> each : offsets.entrySet()) {
            readUpTo.add(Tuple2.of(each.getKey(), each.getValue()));
        }
    }

    void clear() {
        watermarks.clear();
        readUpTo.clear();
    }
}
