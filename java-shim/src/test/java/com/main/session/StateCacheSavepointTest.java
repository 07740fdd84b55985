package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.restartstrategy.RestartStrategies;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.CheckpointException;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.DiscardingSink;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Jobs on a real task manager that hand their state on by savepoints, with caches of several sizes
 * and none, at several parallelisms, failing once in between. Every event is labelled once, and
 * labelled the same where it is labelled again.
 */
class StateCacheSavepointTest {
    private static final long NOON_MS = 1_734_145_200_000L;
    private static final long EVENTS = 48_000;
    private static final int USERS_A_SPLIT = 1000;
    private static final int CHECKPOINT_INTERVAL_MS = 200;

    /** One reader for each split: a reader of both would make the second one's events late. */
    private static final int SPLITS = 2;

    // What the tasks tell the test: they run in this JVM.
    private static final Map<String, String> LABELLED = new ConcurrentHashMap<>();

    /**
     * From so many labelled events on the source only crawls: nothing ends before it is stopped.
     */
    private static volatile int crawlFrom;

    private static final Map<String, String> LABELLED_OTHERWISE = new ConcurrentHashMap<>();
    private static final AtomicBoolean FAILED_ONCE = new AtomicBoolean();
    private static final Map<String, Long> CLOSED = new ConcurrentHashMap<>();

    @BeforeEach
    void forget() {
        LABELLED.clear();
        LABELLED_OTHERWISE.clear();
        FAILED_ONCE.set(false);
        CLOSED.clear();
    }

    @ParameterizedTest
    @CsvSource({"hashmap, false", "rocksdb, true"})
    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    void aSavepointMovesBetweenCachesOfAnySizeAndNone(
            String backend, boolean unaligned, @TempDir Path folder) throws Exception {
        Configuration settings = new Configuration();
        settings.setString("state.backend.type", backend);
        settings.setString("state.backend.incremental", "true");
        settings.setString("state.checkpoints.dir", folder.resolve("checkpoints").toUri() + "");
        settings.setString("execution.checkpointing.unaligned", unaligned + "");
        settings.setString("taskmanager.memory.managed.size", "64m");
        // Any that is free: a cluster may run on this host.
        settings.setString("rest.bind-port", "0");
        MiniClusterConfiguration cluster =
                new MiniClusterConfiguration.Builder()
                        .setConfiguration(settings)
                        .setNumSlotsPerTaskManager(3)
                        .build();
        MiniCluster flink = new MiniCluster(cluster);
        flink.start();
        try {
            String target = folder.resolve("savepoints").toUri().toString();
            SavepointFormatType canonical = SavepointFormatType.CANONICAL;
            SavepointFormatType ofBackend = SavepointFormatType.NATIVE;

            String first = run(flink, job(settings, 100, 2, null), 1, target, canonical);
            String second = run(flink, job(settings, 5000, 3, first), 2, target, ofBackend);
            String third = run(flink, job(settings, 0, 1, second), 3, target, canonical);
            crawlFrom = Integer.MAX_VALUE;
            JobGraph last = job(settings, 300, 2, third);
            flink.submitJob(last).get();
            JobResult result = flink.requestJobResult(last.getJobID()).get();
            assertThat(result.isSuccess()).as("%s", result.getSerializedThrowable()).isTrue();
        } finally {
            flink.close();
        }
        assertThat(FAILED_ONCE).isTrue();
        assertThat(LABELLED_OTHERWISE).isEmpty();
        assertThat(LABELLED).hasSize((int) EVENTS);
        assertThat(CLOSED.values().stream().mapToLong(Long::longValue).sum()).isEqualTo(EVENTS);
    }

    /** Runs a job until it has labelled some quarters of the events; returns its savepoint. */
    private static String run(
            MiniCluster flink,
            JobGraph job,
            int quarters,
            String target,
            SavepointFormatType format)
            throws Exception {
        crawlFrom = (int) EVENTS * quarters / 4;
        flink.submitJob(job).get();
        while (LABELLED.size() < crawlFrom || !FAILED_ONCE.get()) {
            assertThat(flink.getJobStatus(job.getJobID()).get().isGloballyTerminalState())
                    .as("the job ended early")
                    .isFalse();
            Thread.sleep(20);
        }
        String savepoint = null;
        while (savepoint == null) {
            try {
                savepoint = flink.stopWithSavepoint(job.getJobID(), target, false, format).get();
            } catch (ExecutionException e) {
                // A task is just restarting.
                assertThat(e).hasCauseInstanceOf(CheckpointException.class);
                Thread.sleep(200);
            }
        }
        flink.requestJobResult(job.getJobID()).get();
        return savepoint;
    }

    private static JobGraph job(
            Configuration settings, int cacheEntries, int parallelism, String savepoint) {
        CoreOptions options = new CoreOptions().closeRecords(true);
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(settings);
        env.setParallelism(parallelism);
        env.setMaxParallelism(SessionHarness.MAX_PARALLELISM);
        env.enableCheckpointing(CHECKPOINT_INTERVAL_MS);
        env.setRestartStrategy(RestartStrategies.fixedDelayRestart(3, 0));
        env.getConfig().disableGenericTypes();
        SingleOutputStreamOperator<OutputRecord> labelled =
                env.fromSource(
                                new NumberSequenceSource(0, EVENTS - 1),
                                WatermarkStrategy.<Long>forMonotonousTimestamps()
                                        .withTimestampAssigner((n, none) -> eventTimeMs(n)),
                                "numbers")
                        .uid("source")
                        .setParallelism(SPLITS)
                        .map(new ToEvent(options))
                        .returns(InputRecord.TYPE)
                        .uid("events")
                        .setParallelism(SPLITS)
                        .keyBy(InputRecord::key)
                        .transform(
                                "sessions",
                                OutputRecord.TYPE,
                                new CachingKeyedProcessOperator<>(
                                        new SessionFunction(options, null),
                                        SessionFunction.STATE_NAME,
                                        cacheEntries))
                        .uid("sessions");
        labelled.map(new TakeLabel())
                .returns(OutputRecord.TYPE)
                .uid("labels")
                .addSink(new DiscardingSink<>())
                .uid("end");
        labelled.getSideOutput(SessionFunction.CLOSE_RECORDS)
                .map(new TakeClosed())
                .returns(OutputRecord.TYPE)
                .uid("closed")
                .addSink(new DiscardingSink<>())
                .uid("closed-end");
        JobGraph graph = env.getStreamGraph().getJobGraph();
        if (savepoint != null) {
            graph.setSavepointRestoreSettings(SavepointRestoreSettings.forPath(savepoint));
        }
        return graph;
    }

    /** The two splits of the source run side by side in event time. */
    private static long eventTimeMs(long number) {
        return NOON_MS + number % (EVENTS / SPLITS) * 500;
    }

    /** Makes events. */
    private static final class ToEvent extends RichMapFunction<Long, InputRecord> {
        private static final long serialVersionUID = 1L;

        private final CoreOptions options;
        private transient SessionCore core;

        private ToEvent(CoreOptions options) {
            this.options = options;
        }

        @Override
        public void open(Configuration parameters) {
            core = SessionCore.open(options, null);
        }

        @Override
        public InputRecord map(Long number) {
            if (LABELLED.size() > crawlFrom) {
                LockSupport.parkNanos(5_000_000);
            }
            // The users of one split: the order of a user's events is that of the split.
            long split = number / (EVENTS / SPLITS);
            long user = (number * 0x9E3779B97F4A7C15L >>> 33) % USERS_A_SPLIT;
            String logName = number % 7 == 0 ? "CIN" : number % 5 == 0 ? "COUT" : "CLICK";
            String json =
                    String.format(
                            "{\"uid\":\"s%du%d\",\"log_name\":\"%s\",\"ts\":%d,\"n\":%d}",
                            split, user, logName, eventTimeMs(number), number);
            DecodeReply reply = core.decode(json.getBytes(UTF_8), -1, Long.MAX_VALUE);
            return InputRecord.event(
                    new ConsumerRecord<>(
                            "log-before", (int) split, number, null, json.getBytes(UTF_8)),
                    reply.key(),
                    reply.eventTimeMs(),
                    reply.found());
        }

        @Override
        public void close() {
            if (core != null) {
                core.close();
            }
        }
    }

    /** Takes down what each event was labelled; throws once, some checkpoints after the start. */
    private static final class TakeLabel extends RichMapFunction<OutputRecord, OutputRecord>
            implements CheckpointListener {
        private static final long serialVersionUID = 1L;

        private int checkpoints;
        private int sinceCheckpoint;

        @Override
        public OutputRecord map(OutputRecord record) {
            String value = new String(record.value(), UTF_8);
            String event = value.substring(value.indexOf("\"n\":"), value.indexOf(",\"ts_str\""));
            String label = value.substring(value.indexOf("\"session_id\""));
            String before = LABELLED.putIfAbsent(event, label);
            if (before != null && !before.equals(label)) {
                LABELLED_OTHERWISE.put(event, before + " then " + label);
            }
            sinceCheckpoint++;
            // Few, for where the source crawls by now no more come between two checkpoints.
            if (checkpoints >= 2
                    && sinceCheckpoint > 10
                    && FAILED_ONCE.compareAndSet(false, true)) {
                throw new IllegalStateException("fails on purpose");
            }
            return record;
        }

        @Override
        public void notifyCheckpointComplete(long id) {
            checkpoints++;
            sinceCheckpoint = 0;
        }
    }

    /** Takes down how many events each closed session had. */
    private static final class TakeClosed extends RichMapFunction<OutputRecord, OutputRecord> {
        private static final long serialVersionUID = 1L;

        @Override
        public OutputRecord map(OutputRecord record) throws Exception {
            CLOSED.put(
                    new String(record.key(), UTF_8),
                    Scenario.JSON.readTree(record.value()).get("event_count").longValue());
            return record;
        }
    }
}
