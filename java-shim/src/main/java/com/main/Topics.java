package com.main;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The look at brokers and topics before the job is submitted. */
final class Topics {
    private final JobOptions options;
    private final Admin admin;
    private final Consumer<String> warnings;
    private final List<String> problems = new ArrayList<>();

    private Topics(JobOptions options, Admin admin, Consumer<String> warnings) {
        this.options = options;
        this.admin = admin;
        this.warnings = warnings;
    }

    /**
     * Checks what the job needs of the brokers and makes the dead-letter topic where it is missing;
     * a check and a dry run make nothing.
     *
     * @param parallelism the job's
     * @return what keeps the job from being submitted: nothing where the checks are off
     */
    static List<String> prepare(JobOptions options, int parallelism, Consumer<String> warnings) {
        List<String> problems = new ArrayList<>();
        try (Admin admin = Admin.create(new KafkaSettings(options).adminProperties())) {
            Topics topics = new Topics(options, admin, warnings);
            topics.prepare(parallelism);
            problems = topics.problems;
        } catch (KafkaException e) {
            problems.add(
                    "no client for "
                            + options.bootstrapServers()
                            + ": "
                            + options.masked(String.valueOf(rootOf(e).getMessage()))
                            + "; see --bootstrap-servers and kafka.* properties");
        }
        if (options.preflight()) {
            return problems;
        }
        problems.forEach(warnings);
        return Collections.emptyList();
    }

    private void prepare(int parallelism) {
        Node broker;
        try {
            broker = get(admin.describeCluster().nodes()).iterator().next();
        } catch (KafkaException e) {
            problems.add(
                    "no broker answers at "
                            + options.bootstrapServers()
                            + " ("
                            + reason(e)
                            + "): see --bootstrap-servers and kafka.* properties");
            return;
        }
        Optional<Integer> inputPartitions = partitions(JobOption.INPUT_TOPIC, options.inputTopic());
        if (!inputPartitions.isPresent() && problems.isEmpty()) {
            missing(JobOption.INPUT_TOPIC, options.inputTopic(), inputPartitions);
        }
        if (options.preflight() && inputPartitions.isPresent()) {
            checkRights(JobOption.INPUT_TOPIC, options.inputTopic(), AclOperation.READ);
            checkSubtasks(parallelism, inputPartitions.get());
            new GroupCheck(options, admin, warnings, problems).check(inputPartitions.get());
        }
        if (options.preflight()) {
            checkOutput(JobOption.OUTPUT_TOPIC, options.outputTopic(), inputPartitions);
            options.sessionTopic()
                    .ifPresent(
                            topic -> checkOutput(JobOption.SESSION_TOPIC, topic, inputPartitions));
            if (options.exactlyOnce()) {
                checkTransactionTimeout(broker);
            }
        }
        // Nothing is made for a job that is refused.
        if (inputPartitions.isPresent() && problems.isEmpty()) {
            options.deadLetterTopic()
                    .ifPresent(topic -> makeDeadLetterTopic(topic, inputPartitions));
        }
    }

    private void checkOutput(JobOption use, String topic, Optional<Integer> inputPartitions) {
        int before = problems.size();
        boolean exists = partitions(use, topic).isPresent();
        if (!exists && problems.size() == before) {
            missing(use, topic, inputPartitions);
        }
        if (exists) {
            checkRights(use, topic, AclOperation.WRITE);
            long limit = setting(ConfigResource.Type.TOPIC, topic, "max.message.bytes");
            if (limit < options.maxRecordSize()) {
                warnings.accept(
                        "warning: topic "
                                + topic
                                + " takes records of up to "
                                + limit
                                + " bytes (max.message.bytes), --max-record-size allows "
                                + options.maxRecordSize()
                                + ": an event between the two stops the job");
            }
        }
    }

    private void checkRights(JobOption use, String topic, AclOperation needed) {
        Set<AclOperation> allowed;
        try {
            allowed = description(topic).authorizedOperations();
        } catch (KafkaException e) {
            problems.add(
                    "the " + use.optionName() + " '" + topic + "' is out of reach: " + reason(e));
            return;
        }
        // Null: a broker that is too old to tell.
        if (allowed != null && !allowed.contains(needed)) {
            problems.add(
                    "the "
                            + use.optionName()
                            + " '"
                            + topic
                            + "' may not be "
                            + (needed == AclOperation.READ ? "read" : "written to")
                            + " by this job's user; allow it: kafka-acls.sh --bootstrap-server "
                            + options.bootstrapServers()
                            + " --add --allow-principal User:NAME --operation "
                            + needed
                            + " --topic "
                            + topic);
        }
    }

    private void checkSubtasks(int parallelism, int partitions) {
        if (parallelism > partitions && options.idleTimeout().isZero()) {
            problems.add(
                    "--idle-timeout 0 with parallelism "
                            + parallelism
                            + " and "
                            + partitions
                            + " partitions of "
                            + options.inputTopic()
                            + ": subtasks without a partition hold event time back for ever; give"
                            + " an idle timeout or submit with -p "
                            + partitions);
        }
    }

    private void missing(JobOption use, String topic, Optional<Integer> partitions) {
        problems.add(
                "the "
                        + use.optionName()
                        + " '"
                        + topic
                        + "' does not exist; make it: "
                        + createCommand(topic, partitions));
    }

    private void checkTransactionTimeout(Node broker) {
        String name = "transaction.max.timeout.ms";
        long limit = setting(ConfigResource.Type.BROKER, broker.idString(), name);
        if (limit < options.transactionTimeout().toMillis()) {
            problems.add(
                    "--transaction-timeout "
                            + JobOptions.text(options.transactionTimeout())
                            + ": above the brokers' "
                            + name
                            + "="
                            + limit
                            + "; lower the one or raise the other");
        }
    }

    private void makeDeadLetterTopic(String topic, Optional<Integer> inputPartitions) {
        String failure;
        try {
            if (described(topic).isPresent()) {
                checkRights(JobOption.DEAD_LETTER_TOPIC, topic, AclOperation.WRITE);
                return;
            }
            if (options.command() != JobOptions.Command.SUBMIT) {
                warnings.accept("the dead-letter topic '" + topic + "' would be made");
                return;
            }
            NewTopic wanted = new NewTopic(topic, inputPartitions, Optional.empty());
            get(admin.createTopics(Collections.singleton(wanted)).all());
            return;
        } catch (TopicExistsException e) {
            return;
        } catch (KafkaException e) {
            failure = reason(e);
        }
        warnings.accept(
                "warning: the dead-letter topic '"
                        + topic
                        + "' could not be made ("
                        + failure
                        + "); unless the broker makes topics by itself, the first dead letter stops"
                        + " the job. Make it: "
                        + createCommand(topic, inputPartitions)
                        + " or use --dead-letter-topic "
                        + OptionType.NO_TOPIC);
    }

    /** The topic's number of partitions; empty where it is missing or, with a problem, unknown. */
    private Optional<Integer> partitions(JobOption use, String topic) {
        try {
            return described(topic);
        } catch (KafkaException e) {
            problems.add(
                    "the " + use.optionName() + " '" + topic + "' is out of reach: " + reason(e));
            return Optional.empty();
        }
    }

    private Optional<Integer> described(String topic) {
        try {
            return Optional.of(description(topic).partitions().size());
        } catch (UnknownTopicOrPartitionException e) {
            return Optional.empty();
        }
    }

    private TopicDescription description(String topic) {
        Collection<String> names = Collections.singleton(topic);
        DescribeTopicsOptions withRights =
                new DescribeTopicsOptions().includeAuthorizedOperations(true);
        return get(admin.describeTopics(names, withRights).topicNameValues().get(topic));
    }

    /** A number out of a broker's or topic's configuration; no limit where we may not read it. */
    private long setting(ConfigResource.Type type, String owner, String name) {
        ConfigResource resource = new ConfigResource(type, owner);
        try {
            Config config =
                    get(
                            admin.describeConfigs(Collections.singleton(resource))
                                    .values()
                                    .get(resource));
            ConfigEntry entry = config.get(name);
            return entry == null ? Long.MAX_VALUE : Long.parseLong(entry.value());
        } catch (KafkaException e) {
            warnings.accept("warning: " + name + " of " + owner + " was not checked: " + reason(e));
            return Long.MAX_VALUE;
        }
    }

    private String createCommand(String topic, Optional<Integer> partitions) {
        return "kafka-topics.sh --bootstrap-server "
                + options.bootstrapServers()
                + " --create --topic "
                + topic
                + partitions.map(number -> " --partitions " + number).orElse("");
    }

    private String reason(KafkaException e) {
        return reason(options, e);
    }

    static String reason(JobOptions options, KafkaException e) {
        return options.masked(e.getClass().getSimpleName() + ": " + e.getMessage());
    }

    private static Throwable rootOf(Throwable e) {
        return e.getCause() == null ? e : rootOf(e.getCause());
    }

    /** The future's value; its failure as it was thrown at the broker's answer. */
    static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof KafkaException
                    ? (KafkaException) e.getCause()
                    : new KafkaException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new KafkaException("interrupted", e);
        }
    }
}
