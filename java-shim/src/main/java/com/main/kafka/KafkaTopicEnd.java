package com.main.kafka;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/** The end of a topic on real brokers. Kafka's own threads do the waiting. */
final class KafkaTopicEnd implements TopicEnd {
    private static final int ANSWER_TIMEOUT_MS = 5_000;

    private final String topic;
    private final boolean readCommitted;
    private final Admin admin;
    private final GapReader gapReader;

    KafkaTopicEnd(String topic, boolean readCommitted, Admin admin, GapReader gapReader) {
        this.topic = topic;
        this.readCommitted = readCommitted;
        this.admin = admin;
        this.gapReader = gapReader;
    }

    /**
     * @param adminProperties what an admin client needs to reach the brokers
     * @param consumerProperties those of the source's consumer
     */
    static KafkaTopicEnd open(
            String topic, Properties adminProperties, Properties consumerProperties) {
        String isolation = consumerProperties.getProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG);
        return new KafkaTopicEnd(
                topic,
                IsolationLevel.READ_COMMITTED.toString().equals(isolation),
                Admin.create(adminProperties),
                GapReader.of(consumerProperties));
    }

    @Override
    public CompletionStage<EndOffsets> ask() {
        DescribeTopicsOptions options = new DescribeTopicsOptions().timeoutMs(ANSWER_TIMEOUT_MS);
        return admin.describeTopics(Collections.singleton(topic), options)
                .topicNameValues()
                .get(topic)
                .toCompletionStage()
                .thenCompose(this::endOffsets);
    }

    private CompletionStage<EndOffsets> endOffsets(TopicDescription description) {
        List<TopicPartition> partitions = new ArrayList<>();
        description
                .partitions()
                .forEach(each -> partitions.add(new TopicPartition(topic, each.partition())));
        CompletionStage<Map<Integer, Long>> ends =
                latest(partitions, IsolationLevel.READ_UNCOMMITTED);
        if (!readCommitted) {
            return ends.thenApply(each -> new EndOffsets(each, false));
        }
        // The consumer stops at the first open transaction: what lies behind is not read yet.
        return ends.thenCombine(
                latest(partitions, IsolationLevel.READ_COMMITTED),
                (end, stable) -> new EndOffsets(end, !end.equals(stable)));
    }

    private CompletionStage<Map<Integer, Long>> latest(
            List<TopicPartition> partitions, IsolationLevel isolation) {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.forEach(each -> wanted.put(each, OffsetSpec.latest()));
        ListOffsetsOptions options = new ListOffsetsOptions(isolation).timeoutMs(ANSWER_TIMEOUT_MS);
        return admin.listOffsets(wanted, options)
                .all()
                .toCompletionStage()
                .thenApply(KafkaTopicEnd::byPartition);
    }

    private static Map<Integer, Long> byPartition(
            Map<TopicPartition, ListOffsetsResultInfo> infos) {
        Map<Integer, Long> offsets = new HashMap<>();
        infos.forEach((partition, info) -> offsets.put(partition.partition(), info.offset()));
        return offsets;
    }

    @Override
    public boolean nothingBetween(Map<Integer, Long> readUpTo, EndOffsets end) {
        Map<TopicPartition, Long> from = new HashMap<>();
        Map<TopicPartition, Long> to = new HashMap<>();
        readUpTo.forEach(
                (number, offset) -> {
                    TopicPartition partition = new TopicPartition(topic, number);
                    from.put(partition, offset);
                    to.put(partition, end.byPartition().get(number));
                });
        return gapReader.empty(from, to);
    }

    @Override
    public void close() {
        gapReader.close();
        admin.close(Duration.ZERO);
    }
}
