package com.main;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeConsumerGroupsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;

/** The look at the consumer group: who else is in it, and what it has left unread for too long. */
final class GroupCheck {
    private final JobOptions options;
    private final Admin admin;
    private final Consumer<String> warnings;
    private final List<String> problems;

    GroupCheck(JobOptions options, Admin admin, Consumer<String> warnings, List<String> problems) {
        this.options = options;
        this.admin = admin;
        this.warnings = warnings;
        this.problems = problems;
    }

    void check(int partitions) {
        try {
            checkMembersAndRights();
            checkRetention(partitions);
        } catch (KafkaException e) {
            warnings.accept(
                    "warning: the group "
                            + options.groupId()
                            + " was not checked: "
                            + Topics.reason(options, e));
        }
    }

    private void checkMembersAndRights() {
        String group = options.groupId();
        ConsumerGroupDescription description =
                Topics.get(
                        admin.describeConsumerGroups(
                                        Collections.singleton(group),
                                        new DescribeConsumerGroupsOptions()
                                                .includeAuthorizedOperations(true))
                                .describedGroups()
                                .get(group));
        if (!description.members().isEmpty()) {
            warnings.accept(
                    "warning: the group "
                            + group
                            + " has "
                            + description.members().size()
                            + " members, which keep the job from committing its offsets; give it a"
                            + " --group-id of its own");
        }
        Set<AclOperation> allowed = description.authorizedOperations();
        if (allowed != null && !allowed.isEmpty() && !allowed.contains(AclOperation.READ)) {
            problems.add(
                    "the group "
                            + group
                            + " may not be used by this job's user; allow it: kafka-acls.sh"
                            + " --bootstrap-server "
                            + options.bootstrapServers()
                            + " --add --allow-principal User:NAME --operation READ --group "
                            + group);
        }
    }

    /** Between what the group has read and the oldest record there is, all is lost. */
    private void checkRetention(int partitions) {
        Map<TopicPartition, OffsetSpec> oldest = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            oldest.put(new TopicPartition(options.inputTopic(), partition), OffsetSpec.earliest());
        }
        Map<TopicPartition, ListOffsetsResultInfo> begins =
                Topics.get(admin.listOffsets(oldest).all());
        Map<TopicPartition, OffsetAndMetadata> read =
                Topics.get(
                        admin.listConsumerGroupOffsets(options.groupId())
                                .partitionsToOffsetAndMetadata());
        long lost = 0;
        StringJoiner places = new StringJoiner(", ");
        for (TopicPartition partition : oldest.keySet()) {
            OffsetAndMetadata next = read.get(partition);
            long gap = next == null ? 0 : begins.get(partition).offset() - next.offset();
            if (gap > 0) {
                lost += gap;
                places.add("partition " + partition.partition() + ": " + number(gap));
            }
        }
        if (lost > 0) {
            warnings.accept(
                    "warning: retention has deleted "
                            + number(lost)
                            + " records of "
                            + options.inputTopic()
                            + " that the group "
                            + options.groupId()
                            + " has not read ("
                            + places
                            + "): they are lost; keep records for longer than the job may be away"
                            + " (retention.ms)");
        }
    }

    private static String number(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }
}
