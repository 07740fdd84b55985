package com.main.kafka;

import java.util.Map;
import java.util.concurrent.CompletionStage;

/** The end of the input topic, as the brokers see it. */
interface TopicEnd extends AutoCloseable {

    /** Asks the brokers, and returns at once; where they do not answer, the answer fails. */
    CompletionStage<EndOffsets> ask();

    /**
     * Whether no record lies between what was read and the end: a transaction's marker takes an
     * offset too. Returns at once; while that is not known yet, and where it cannot be found out,
     * it says no.
     *
     * @param readUpTo by partition: the offset behind the last record read
     */
    boolean nothingBetween(Map<Integer, Long> readUpTo, EndOffsets end);

    @Override
    void close();
}
