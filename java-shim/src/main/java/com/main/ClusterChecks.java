package com.main;

import java.io.IOException;
import java.net.URL;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.UnsupportedFileSystemSchemeException;
import org.apache.flink.streaming.api.environment.ExecutionCheckpointingOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * The look at the cluster's side before the job is submitted: where checkpoints go, and what lies
 * in lib/. It sees what the submitting side sees, whose configuration and distribution are the
 * cluster's by custom, not by law; so what may be different there is a warning.
 */
final class ClusterChecks {
    private static final String KAFKA_CONNECTOR =
            "org.apache.flink.connector.kafka.source.KafkaSource";
    private static final String KAFKA_CLIENT =
            "org/apache/kafka/clients/producer/KafkaProducer.class";

    private final ReadableConfig cluster;
    private final JobOptions options;
    private final Consumer<String> warnings;
    private final List<String> problems = new ArrayList<>();

    private ClusterChecks(ReadableConfig cluster, JobOptions options, Consumer<String> warnings) {
        this.cluster = cluster;
        this.options = options;
        this.warnings = warnings;
    }

    /** What keeps the job from being submitted: nothing where the checks are off. */
    static List<String> problems(
            StreamExecutionEnvironment env, JobOptions options, Consumer<String> warnings) {
        ClusterChecks checks = new ClusterChecks(env.getConfiguration(), options, warnings);
        if (options.preflight()) {
            checks.problems.addAll(classPathProblems(MobilePcSessionJob.class.getClassLoader()));
            checks.checkCheckpoints();
        }
        return checks.problems;
    }

    /**
     * A connector or client in lib/ meets the jar's own half-way, and the job dies of it.
     *
     * @param job the class loader of the job's jar
     */
    static List<String> classPathProblems(ClassLoader job) {
        List<String> problems = new ArrayList<>();
        Class<?> connector;
        try {
            connector = Class.forName(KAFKA_CONNECTOR, false, job);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException("the jar has no Kafka connector", e);
        }
        if (connector.getClassLoader() != job) {
            problems.add(
                    inLib(
                            "flink-connector-kafka",
                            connector.getProtectionDomain().getCodeSource().getLocation()));
        }
        ClassLoader flinks = job.getParent();
        URL client = flinks == null ? null : flinks.getResource(KAFKA_CLIENT);
        if (client != null) {
            problems.add(inLib("kafka-clients", client));
        }
        return problems;
    }

    private static String inLib(String part, URL place) {
        return part
                + " lies in Flink's lib/ ("
                + place
                + "): take it out there and restart the cluster, for the jar brings its own";
    }

    private void checkCheckpoints() {
        Optional<String> folder = cluster.getOptional(CheckpointingOptions.CHECKPOINTS_DIRECTORY);
        if (folder.isPresent()) {
            checkWritable(new Path(folder.get()));
        } else {
            warnings.accept(
                    "warning: "
                            + CheckpointingOptions.CHECKPOINTS_DIRECTORY.key()
                            + " is not set: checkpoints stay in the JobManager's memory and are"
                            + " gone with it; set it to a folder that all machines share");
        }
        if (cluster.get(CheckpointingOptions.MAX_RETAINED_CHECKPOINTS) < 2) {
            warnings.accept(
                    "warning: "
                            + CheckpointingOptions.MAX_RETAINED_CHECKPOINTS.key()
                            + " is 1: where the newest checkpoint is damaged there is no way back;"
                            + " set it to 3");
        }
        if (options.exactlyOnce()) {
            checkTolerance();
        }
    }

    private void checkWritable(Path folder) {
        Path probe = new Path(folder, ".session-job-check-" + UUID.randomUUID());
        try {
            FileSystem fileSystem = folder.getFileSystem();
            fileSystem.mkdirs(folder);
            fileSystem.create(probe, FileSystem.WriteMode.NO_OVERWRITE).close();
            fileSystem.delete(probe, false);
        } catch (UnsupportedFileSystemSchemeException e) {
            warnings.accept(
                    "warning: "
                            + folder
                            + " was not checked: this machine has no file system of that kind");
        } catch (IOException e) {
            String finding =
                    "the checkpoint folder "
                            + folder
                            + " is not writable here ("
                            + e.getMessage()
                            + "): give it to the user that Flink runs as, or set another "
                            + CheckpointingOptions.CHECKPOINTS_DIRECTORY.key();
            if ("file".equals(folder.toUri().getScheme())) {
                warnings.accept("warning: " + finding);
            } else {
                problems.add(finding);
            }
        }
    }

    /** A transaction is open from its first record until its checkpoint is complete. */
    private void checkTolerance() {
        Duration interval =
                cluster.getOptional(ExecutionCheckpointingOptions.CHECKPOINTING_INTERVAL)
                        .orElse(options.checkpointInterval());
        Duration longest = cluster.get(ExecutionCheckpointingOptions.CHECKPOINTING_TIMEOUT);
        Duration tolerated = options.transactionTimeout().minus(interval).minus(longest);
        if (tolerated.isNegative() || tolerated.isZero()) {
            warnings.accept(
                    "warning: --transaction-timeout "
                            + JobOptions.text(options.transactionTimeout())
                            + " leaves no time for an outage: a transaction may be open for "
                            + JobOptions.text(interval.plus(longest))
                            + " ("
                            + ExecutionCheckpointingOptions.CHECKPOINTING_INTERVAL.key()
                            + " and "
                            + ExecutionCheckpointingOptions.CHECKPOINTING_TIMEOUT.key()
                            + "), and what expires is lost; raise the one or lower the others");
        }
    }
}
