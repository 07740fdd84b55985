package com.main.kafka;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;

/**
 * Where reading begins, in numbers: Flink's own starts leave some to the reader, which tells nobody
 * where it began.
 *
 * <p>An offset that retention has passed leads to the oldest record. With Flink's own reset a job
 * that starts at the end, restored, jumps to the end and loses what lies between.
 */
public final class StartingOffsets implements OffsetsInitializer {
    private static final long serialVersionUID = 1L;

    private final OffsetsInitializer start;

    public StartingOffsets(OffsetsInitializer start) {
        this.start = start;
    }

    @Override
    public Map<TopicPartition, Long> getPartitionOffsets(
            Collection<TopicPartition> partitions, PartitionOffsetsRetriever retriever) {
        Map<TopicPartition, Long> offsets =
                new HashMap<>(start.getPartitionOffsets(partitions, retriever));
        List<TopicPartition> committed = with(KafkaPartitionSplit.COMMITTED_OFFSET, offsets);
        if (!committed.isEmpty()) {
            committed.forEach(each -> offsets.put(each, KafkaPartitionSplit.EARLIEST_OFFSET));
            offsets.putAll(retriever.committedOffsets(committed));
        }
        List<TopicPartition> earliest = with(KafkaPartitionSplit.EARLIEST_OFFSET, offsets);
        if (!earliest.isEmpty()) {
            offsets.putAll(retriever.beginningOffsets(earliest));
        }
        return offsets;
    }

    private static List<TopicPartition> with(long mark, Map<TopicPartition, Long> offsets) {
        List<TopicPartition> found = new ArrayList<>();
        offsets.forEach(
                (partition, offset) -> {
                    if (offset == mark) {
                        found.add(partition);
                    }
                });
        return found;
    }

    @Override
    public OffsetResetStrategy getAutoOffsetResetStrategy() {
        return OffsetResetStrategy.EARLIEST;
    }
}
