package com.main.kafka;

import java.util.Map;

/** The end offsets of a topic at one moment. */
final class EndOffsets {
    private final Map<Integer, Long> byPartition;
    private final boolean openTransaction;

    /**
     * @param byPartition the offset that the next record will get
     * @param openTransaction whether records before that end may be held back until a transaction
     *     ends
     */
    EndOffsets(Map<Integer, Long> byPartition, boolean openTransaction) {
        this.byPartition = byPartition;
        this.openTransaction = openTransaction;
    }

    Map<Integer, Long> byPartition() {
        return byPartition;
    }

    boolean openTransaction() {
        return openTransaction;
    }
}
