package com.main.session;

import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;

/**
 * How many of something the keys of this subtask hold. A checkpoint keeps it by key group, so that
 * after a rescale each subtask finds the number of its own keys.
 */
final class KeyGroupCount {
    private final ListState<Tuple2<Integer, Long>> kept;
    private final KeyGroups groups;
    private final long[] byGroup;
    private final long atStart;
    private long total;

    /**
     * @param stateName stands in every savepoint: it never changes
     */
    KeyGroupCount(String stateName, OperatorStateStore store, RuntimeContext task)
            throws Exception {
        kept =
                store.getUnionListState(
                        new ListStateDescriptor<>(stateName, Types.TUPLE(Types.INT, Types.LONG)));
        groups = new KeyGroups(task);
        byGroup = new long[groups.count()];
        for (Tuple2<Integer, Long> each : kept.get()) {
            int number = groups.numberOfGroup(each.f0);
            if (groups.isHere(number)) {
                byGroup[number] = each.f1;
                total += each.f1;
            }
        }
        atStart = total;
    }

    void change(String key, long by) {
        byGroup[groups.numberOf(key.hashCode())] += by;
        total += by;
    }

    long total() {
        return total;
    }

    /** What the task started with. */
    long atStart() {
        return atStart;
    }

    /** Hands the number to the checkpoint under way. */
    void keep() throws Exception {
        kept.clear();
        for (int number = 0; number < byGroup.length; number++) {
            if (byGroup[number] != 0) {
                kept.add(Tuple2.of(groups.groupOf(number), byGroup[number]));
            }
        }
    }
}
