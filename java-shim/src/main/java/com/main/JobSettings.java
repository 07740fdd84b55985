package com.main;

import com.main.kafka.StartingOffsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.DeploymentOptions;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.SchedulerExecutionMode;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.CheckpointingMode;
import org.apache.flink.streaming.api.environment.CheckpointConfig.ExternalizedCheckpointCleanup;
import org.apache.flink.streaming.api.environment.ExecutionCheckpointingOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;

/**
 * Flink's settings of the job. What the submitting side's configuration sets (flink-conf.yaml, -D)
 * stands; the job fills in the rest.
 */
public final class JobSettings {
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);

    /**
     * A twentieth of Flink's own: an event waits for it once, and under load buffers fill before.
     * Measured: at half of the highest load it takes no more CPU than 10 ms do; less would.
     */
    private static final Duration BUFFER_TIMEOUT = Duration.ofMillis(5);

    private JobSettings() {}

    /**
     * Fills in the settings the cluster left open.
     *
     * @throws JobRefusedException where the cluster's settings would lose or repeat events
     */
    public static void apply(StreamExecutionEnvironment env, JobOptions options) {
        ReadableConfig cluster = env.getConfiguration();
        List<String> problems = problems(cluster, options);
        if (!problems.isEmpty()) {
            throw new JobRefusedException(problems);
        }
        env.configure(defaults(cluster, options), Thread.currentThread().getContextClassLoader());
    }

    static List<String> problems(ReadableConfig cluster, JobOptions options) {
        List<String> problems = new ArrayList<>();
        if (!cluster.get(DeploymentOptions.PROGRAM_CONFIG_ENABLED)) {
            problems.add(
                    DeploymentOptions.PROGRAM_CONFIG_ENABLED.key()
                            + "=false keeps the job from setting its checkpoints: leave it out");
        }
        if (cluster.get(ExecutionOptions.SNAPSHOT_COMPRESSION)) {
            problems.add(
                    ExecutionOptions.SNAPSHOT_COMPRESSION.key()
                            + "=true loses state in Flink 1.18.1 (FLINK-34063): leave it out");
        }
        if (isAdaptive(cluster)) {
            problems.add(
                    JobManagerOptions.SCHEDULER.key()
                            + "=adaptive loses events in Flink 1.18.1 (FLINK-34518): leave it and "
                            + JobManagerOptions.SCHEDULER_MODE.key()
                            + " out");
        }
        if (!options.exactlyOnce()) {
            return problems;
        }
        if (cluster.get(ExecutionCheckpointingOptions.CHECKPOINTING_MODE)
                != CheckpointingMode.EXACTLY_ONCE) {
            problems.add(
                    "--delivery exactly-once needs "
                            + ExecutionCheckpointingOptions.CHECKPOINTING_MODE.key()
                            + "=EXACTLY_ONCE");
        }
        cluster.getOptional(ExecutionCheckpointingOptions.CHECKPOINTING_INTERVAL)
                .filter(interval -> interval.compareTo(options.transactionTimeout()) >= 0)
                .ifPresent(
                        interval ->
                                problems.add(
                                        ExecutionCheckpointingOptions.CHECKPOINTING_INTERVAL.key()
                                                + "="
                                                + JobOptions.text(interval)
                                                + ": below --transaction-timeout ("
                                                + JobOptions.text(options.transactionTimeout())
                                                + ") with --delivery exactly-once, or every"
                                                + " transaction times out"));
        return problems;
    }

    private static boolean isAdaptive(ReadableConfig cluster) {
        return cluster.get(JobManagerOptions.SCHEDULER) == JobManagerOptions.SchedulerType.Adaptive
                || cluster.get(JobManagerOptions.SCHEDULER_MODE) == SchedulerExecutionMode.REACTIVE;
    }

    /** The job's value of every setting that the cluster left open. */
    static Configuration defaults(ReadableConfig cluster, JobOptions options) {
        Configuration defaults = new Configuration();
        Duration interval =
                cluster.getOptional(ExecutionCheckpointingOptions.CHECKPOINTING_INTERVAL)
                        .orElse(options.checkpointInterval());
        Duration third = Duration.ofMillis(interval.toMillis() / 3);
        Duration pause = third.compareTo(LONGEST_PAUSE) < 0 ? third : LONGEST_PAUSE;

        fill(
                cluster,
                defaults,
                ExecutionCheckpointingOptions.CHECKPOINTING_INTERVAL,
                options.checkpointInterval());
        fill(cluster, defaults, ExecutionCheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS, pause);
        fill(cluster, defaults, ExecutionCheckpointingOptions.ENABLE_UNALIGNED, true);
        fill(
                cluster,
                defaults,
                ExecutionCheckpointingOptions.ALIGNED_CHECKPOINT_TIMEOUT,
                Duration.ofSeconds(30));
        fill(cluster, defaults, ExecutionCheckpointingOptions.TOLERABLE_FAILURE_NUMBER, 10);
        fill(
                cluster,
                defaults,
                ExecutionCheckpointingOptions.EXTERNALIZED_CHECKPOINT,
                ExternalizedCheckpointCleanup.RETAIN_ON_CANCELLATION);
        if (!cluster.getOptional(RestartStrategyOptions.RESTART_STRATEGY).isPresent()) {
            // Without limit: an outage of Kafka ends some time, and the job has to be there then.
            defaults.set(RestartStrategyOptions.RESTART_STRATEGY, "exponential-delay");
            fill(
                    cluster,
                    defaults,
                    RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_INITIAL_BACKOFF,
                    Duration.ofSeconds(1));
            fill(
                    cluster,
                    defaults,
                    RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_MAX_BACKOFF,
                    Duration.ofSeconds(60));
            fill(
                    cluster,
                    defaults,
                    RestartStrategyOptions
                            .RESTART_STRATEGY_EXPONENTIAL_DELAY_RESET_BACKOFF_THRESHOLD,
                    Duration.ofMinutes(10));
        }
        fill(cluster, defaults, ExecutionOptions.BUFFER_TIMEOUT, BUFFER_TIMEOUT);
        // Records are immutable: handing them on without a copy is safe.
        fill(cluster, defaults, PipelineOptions.OBJECT_REUSE, true);
        // Part of the state's identity, so never left to a rule of thumb.
        fill(cluster, defaults, PipelineOptions.MAX_PARALLELISM, 128);

        // Not the cluster's to decide: state is found by uid, and no type goes through Kryo.
        defaults.set(PipelineOptions.AUTO_GENERATE_UIDS, false);
        defaults.set(PipelineOptions.GENERIC_TYPES, false);
        return defaults;
    }

    private static <T> void fill(
            ReadableConfig cluster, Configuration defaults, ConfigOption<T> option, T value) {
        if (!cluster.getOptional(option).isPresent()) {
            defaults.set(option, value);
        }
    }

    /** The settings the job fills in, as comment lines behind its options. */
    static String describe(ReadableConfig cluster, JobOptions options) {
        StringBuilder text = new StringBuilder("\n# Flink's settings the job fills in:\n");
        new TreeMap<>(defaults(cluster, options).toMap())
                .forEach(
                        (name, value) ->
                                text.append("# ")
                                        .append(name)
                                        .append(": ")
                                        .append(value)
                                        .append('\n'));
        return text.toString();
    }

    /** Where reading begins where there is no state. */
    public static OffsetsInitializer startingOffsets(JobOptions options) {
        return new StartingOffsets(flinkStart(options.start()));
    }

    private static OffsetsInitializer flinkStart(String start) {
        switch (start) {
            case "committed":
                return OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST);
            case "earliest":
                return OffsetsInitializer.earliest();
            case "latest":
                return OffsetsInitializer.latest();
            default:
                return OffsetsInitializer.timestamp(
                        Long.parseLong(start.substring(OptionType.TIMESTAMP.length())));
        }
    }

    public static DeliveryGuarantee deliveryGuarantee(JobOptions options) {
        return options.exactlyOnce()
                ? DeliveryGuarantee.EXACTLY_ONCE
                : DeliveryGuarantee.AT_LEAST_ONCE;
    }
}
