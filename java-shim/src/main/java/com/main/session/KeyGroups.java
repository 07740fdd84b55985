package com.main.session;

import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;

/** The key groups whose keys this subtask has, numbered from 0. */
final class KeyGroups {
    private final KeyGroupRange range;
    private final int maxParallelism;

    KeyGroups(RuntimeContext task) {
        maxParallelism = task.getMaxNumberOfParallelSubtasks();
        range =
                KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(
                        maxParallelism,
                        task.getNumberOfParallelSubtasks(),
                        task.getIndexOfThisSubtask());
    }

    int count() {
        return range.getNumberOfKeyGroups();
    }

    /**
     * The number here of the group that a key of this hash is in; outside if it is not one here.
     */
    int numberOf(int hash) {
        return numberOfGroup(
                KeyGroupRangeAssignment.computeKeyGroupForKeyHash(hash, maxParallelism));
    }

    /** The number here of a group that goes by its number in the job. */
    int numberOfGroup(int group) {
        return group - range.getStartKeyGroup();
    }

    /** The number in the job of a group that goes by its number here. */
    int groupOf(int number) {
        return range.getStartKeyGroup() + number;
    }

    boolean isHere(int number) {
        return number >= 0 && number < count();
    }
}
