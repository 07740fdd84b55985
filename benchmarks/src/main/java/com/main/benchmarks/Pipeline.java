package com.main.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.DoubleToLongFunction;
import java.util.stream.DoubleStream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.restartstrategy.RestartStrategies;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStats;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * One run of one peer on a MiniCluster, in a JVM of its own; prints what it took as JSON.
 *
 * <p>The figures are of a window: from 35 % to 98 % of the records, where most of the code is
 * compiled and the end has not begun. Three checkpoints fall into it, at the same records for every
 * peer. Where all sessions are to be open first ({@code opened}), the window is of the records
 * behind those that open them; the one checkpoint comes before it, and then a rest, so that what
 * the backend still has to put in order of the opening does not fall into the window.
 */
public final class Pipeline {
    private static final double FROM = 0.35;
    private static final double TO = 0.98;
    private static final double[] CHECKPOINTS = {0.40, 0.65, 0.90};

    // Where all sessions are to be open first, and of the records behind those that open them.
    private static final double ONE_CHECKPOINT = 0.05;
    private static final double REST = 0.27;

    // Looking costs CPU as well, more of it for a peer that takes longer: seldom, then.
    private static final long POLL_MS = 20;
    private static final long STATUS_INTERVAL_NS = 1_000_000_000L;

    static final OperatingSystemMXBean OS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    public static void main(String[] args) throws Exception {
        Map<String, String> options = options(args);
        if (options.containsKey("make")) {
            Path folder = Paths.get(options.get("make"));
            int partitions = Integer.parseInt(options.get("partitions"));
            long records = Long.parseLong(options.get("records"));
            int users = Integer.parseInt(options.get("users"));
            int active = Integer.parseInt(options.get("active"));
            if (options.containsKey("open-sessions")) {
                Load.makeOpenSessions(folder, partitions, records - users, users, active, 1);
            } else {
                Load.make(folder, partitions, records, users, active, 1);
            }
            return;
        }
        try {
            System.out.println(new Pipeline(options).run());
        } catch (Throwable e) {
            // Uncaught it would end this thread alone: Flink leaves others behind.
            e.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }

    /** Arguments of the form {@code name=value}. */
    static Map<String, String> options(String[] args) {
        Map<String, String> options = new TreeMap<>();
        for (String arg : args) {
            String[] parts = arg.split("=", 2);
            options.put(parts[0], parts[1]);
        }
        return options;
    }

    private final Map<String, String> options;
    private final int parallelism;
    private final long records;
    private final long restsAt;
    private final long from;
    private final long to;
    private final long[] checkpoints;

    private Pipeline(Map<String, String> options) {
        this.options = options;
        parallelism = Integer.parseInt(options.get("parallelism"));
        records = Long.parseLong(options.get("records"));
        long opened = Long.parseLong(options.getOrDefault("opened", "0"));
        DoubleToLongFunction at = share -> opened + (long) ((records - opened) * share);
        from = at.applyAsLong(FROM);
        to = at.applyAsLong(TO);
        restsAt = opened > 0 ? at.applyAsLong(REST) : 0;
        Feed.rest = new Rest(parallelism);
        checkpoints =
                opened > 0
                        ? new long[] {at.applyAsLong(ONE_CHECKPOINT)}
                        : DoubleStream.of(CHECKPOINTS).mapToLong(at).toArray();
    }

    private String run() throws Exception {
        Path work = Paths.get(options.get("work"));
        Files.createDirectories(work);
        Configuration settings = new Configuration();
        settings.setString("state.backend.type", backend());
        if (options.get("backend").equals("rocksdb-heap-timers")) {
            settings.setString("state.backend.rocksdb.timer-service.factory", "HEAP");
        }
        settings.setString("state.backend.incremental", "false");
        settings.setString("state.checkpoints.dir", work.resolve("checkpoints").toUri().toString());
        settings.setString("io.tmp.dirs", work.toString());
        settings.setString("taskmanager.memory.managed.size", "1g");
        // Any that is free: a cluster may run on this host.
        settings.setString("rest.bind-port", "0");
        settings.setString("taskmanager.memory.network.min", "128m");
        settings.setString("taskmanager.memory.network.max", "128m");
        MiniCluster flink =
                new MiniCluster(
                        new MiniClusterConfiguration.Builder()
                                .setConfiguration(settings)
                                .setNumSlotsPerTaskManager(parallelism)
                                .build());
        flink.start();
        JobGraph job = graph(settings);
        flink.submitJob(job).get();

        Figures before = null;
        Figures after = null;
        int checkpoint = 0;
        CompletedCheckpointStats last = null;
        long lookAgainAt = System.nanoTime() + STATUS_INTERVAL_NS;
        while (after == null) {
            long fed = fed();
            if (before == null && fed >= from) {
                before = new Figures(fed);
            }
            if (checkpoint < checkpoints.length && fed >= checkpoints[checkpoint]) {
                checkpoint++;
                flink.triggerCheckpoint(job.getJobID()).get();
                last = completed(flink, job, checkpoint);
                Feed.rest.checkpointed();
            }
            if (fed >= to) {
                after = new Figures(fed);
            }
            if (after == null && System.nanoTime() >= lookAgainAt) {
                if (flink.getJobStatus(job.getJobID()).get().isGloballyTerminalState()) {
                    throw new IllegalStateException(
                            "ended early",
                            flink.requestJobResult(job.getJobID())
                                    .get()
                                    .getSerializedThrowable()
                                    .orElse(null));
                }
                lookAgainAt = System.nanoTime() + STATUS_INTERVAL_NS;
            }
            Thread.sleep(POLL_MS);
        }
        flink.requestJobResult(job.getJobID()).get().toJobExecutionResult(getClass().getClassLoader());
        // With the last record event time ends, and every timer is due.
        long endNs = System.nanoTime() - Feed.LAST_AT_NS.get();
        return json(before, after, last, endNs);
    }

    /** The newest of so many checkpoints: Flink's figures of one come a moment after its end. */
    private static CompletedCheckpointStats completed(MiniCluster flink, JobGraph job, int count)
            throws Exception {
        while (true) {
            CheckpointStatsSnapshot seen =
                    flink.getExecutionGraph(job.getJobID()).get().getCheckpointStatsSnapshot();
            if (seen.getCounts().getNumberOfCompletedCheckpoints() >= count) {
                return seen.getHistory().getLatestCompletedCheckpoint();
            }
            Thread.sleep(POLL_MS);
        }
    }

    private String backend() {
        return options.get("backend").equals("heap") ? "hashmap" : "rocksdb";
    }

    private JobGraph graph(Configuration settings) {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(settings);
        env.setParallelism(parallelism);
        env.setMaxParallelism(128);
        // Checkpoints come by the records, not by the clock.
        env.enableCheckpointing(3_600_000);
        env.setRestartStrategy(RestartStrategies.noRestart());
        env.getConfig().disableGenericTypes();
        Peer<?, ?> peer =
                Peer.of(
                        options.get("peer"),
                        Integer.parseInt(options.getOrDefault("cache", "0")));
        if (peer.objectReuse()) {
            env.getConfig().enableObjectReuse();
        }
        add(env, peer);
        return env.getStreamGraph().getJobGraph();
    }

    private <I, O> void add(StreamExecutionEnvironment env, Peer<I, O> peer) {
        peer.sessions(
                        env.fromSource(
                                        new NumberSequenceSource(0, records - 1),
                                        WatermarkStrategy.noWatermarks(),
                                        "numbers")
                                .flatMap(new Feed<>(options.get("load"), restsAt, peer.decoder()))
                                .assignTimestampsAndWatermarks(peer.watermarks()))
                .addSink(new Touch<>(peer.encoder("log-after"), options.containsKey("hash")));
    }

    private long fed() {
        long fed = 0;
        for (int subtask = 0; subtask < parallelism; subtask++) {
            fed += Feed.PROGRESS.get(subtask);
        }
        return fed;
    }

    private String json(
            Figures before, Figures after, CompletedCheckpointStats checkpoint, long endNs)
            throws Exception {
        long events = after.fed - before.fed;
        String rss = "0";
        for (String line : Files.readAllLines(Paths.get("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                rss = line.replaceAll("\\D", "");
            }
        }
        return String.format(
                "{\"cpu_us_per_event\":%.4f,\"jit_us_per_event\":%.4f,"
                        + "\"steady_us_per_event\":%.4f,\"wall_us_per_event\":%.4f,\"gc_us_per_event\":%.4f,"
                        + "\"cores\":%.3f,\"window_events\":%d,\"checkpoint_bytes\":%d,"
                        + "\"checkpoint_ms\":%d,\"end_ms\":%d,\"rss_kb\":%s,\"out_records\":%d,"
                        + "\"out_bytes\":%d,\"out_hash\":\"%016x\"}",
                (after.cpuNs - before.cpuNs) / 1e3 / events,
                (after.jitNs - before.jitNs) / 1e3 / events,
                (after.cpuNs - before.cpuNs - (after.jitNs - before.jitNs)) / 1e3 / events,
                (after.wallNs - before.wallNs) / 1e3 / events,
                (after.gcMs - before.gcMs) * 1e3 / events,
                (double) (after.cpuNs - before.cpuNs) / (after.wallNs - before.wallNs),
                events,
                checkpoint.getStateSize(),
                checkpoint.getEndToEndDuration(),
                endNs / 1_000_000,
                rss,
                Touch.RECORDS.sum(),
                Touch.BYTES.sum(),
                Touch.HASHES.sum());
    }

    /** What the process has taken so far, as the operating system counts it. */
    private static final class Figures {
        private final long fed;
        private final long cpuNs = OS.getProcessCpuTime();
        private final long wallNs = System.nanoTime();
        private final long jitNs = CompilerThreads.cpuNs();
        private final long gcMs;

        private Figures(long fed) throws IOException {
            this.fed = fed;
            long ms = 0;
            for (GarbageCollectorMXBean each : ManagementFactory.getGarbageCollectorMXBeans()) {
                ms += each.getCollectionTime();
            }
            gcMs = ms;
        }
    }
}
