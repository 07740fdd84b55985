package com.main.session;

import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;

/**
 * How many of something the keys of this subtask hold. A checkpoint keeps it by key group, so that
 * after a rescale each subtask finds the number of its own keys.
 */
final class KeyGroupCount {
    private final ListState<Tuple2<Integer, Long>> kept;
    private final KeyGroupRange groups;
    private final int maxParallelism;
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
        maxParallelism = task.getMaxNumberOfParallelSubtasks();
        groups =
                KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(
                        maxParallelism,
                        task.getNumberOfParallelSubtasks(),
                        task.getIndexOfThisSubtask());
        byGroup = new long[groups.getNumberOfKeyGroups()];
        for (Tuple2<Integer, Long> each : kept.get()) {
            if (groups.contains(each.f0)) {
                byGroup[each.f0 - groups.getStartKeyGroup()] = each.f1;
                total += each.f1;
            }
        }
        atStart = total;
    }

    void change(String key, long by) {
        int group = KeyGroupRangeAssignment.assignToKeyGroup(key, maxParallelism);
        byGroup[group - groups.getStartKeyGroup()] += by;
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
        for (int index = 0; index < byGroup.length; index++) {
            if (byGroup[index] != 0) {
                kept.add(Tuple2.of(groups.getStartKeyGroup() + index, byGroup[index]));
            }
        }
    }
}
