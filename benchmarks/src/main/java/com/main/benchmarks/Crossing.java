package com.main.benchmarks;

import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.core.StepReply;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * One call of the core, with all that Java does for it: the copies in, the crossing, the copies
 * out. Beside each the same work by the twin, which crosses nothing.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class Crossing {
    private static final long GAP_MS = 75_000;
    private static final long NOW_MS = Load.START_MS + 1_000 * GAP_MS;
    private static final long NO_RECORD_TIME = -1;

    private final byte[] record = record(19, "CLICK");

    private SessionCore core;
    private byte[] found;
    private byte[] state;

    private final TwinCore twin = new TwinCore(RecordPeer.LATENESS_MS);
    private String twinKey;
    private byte[] twinFound;
    private byte[] twinState;

    private static byte[] record(int number, String logName) {
        return ("{\"uid\":\"user-123456\",\"access_type\":\"mobile\",\"log_name\":\""
                        + logName
                        + "\",\"in_time\":\"405\",\"out_time\":\"\",\"ip\":\"192.168.75.139\",\"ts\":"
                        + (Load.START_MS + number * GAP_MS)
                        + "}")
                .getBytes(StandardCharsets.US_ASCII);
    }

    @Setup
    public void open() {
        core = SessionCore.open(RecordPeer.OPTIONS, null);
        byte[] first = record(0, "CIN");
        byte[] firstFound = core.decode(first, NO_RECORD_TIME, NOW_MS).found();
        state = core.onEvent(null, firstFound, first).state();
        found = core.decode(record, NO_RECORD_TIME, NOW_MS).found();

        twin.decode(first);
        twin.read(null);
        twin.onEvent(twin.eventTimeMs(), twin.found());
        twinState = twin.state();
        twin.decode(record);
        twinKey = twin.key();
        twinFound = twin.found();
    }

    @TearDown
    public void close() {
        core.close();
    }

    /** The crossing and little else: a record without a value is a dead letter at once. */
    @Benchmark
    public boolean crossing() {
        return core.decode(null, NO_RECORD_TIME, NOW_MS).event();
    }

    @Benchmark
    public void decode(Blackhole out) {
        DecodeReply reply = core.decode(record, NO_RECORD_TIME, NOW_MS);
        out.consume(reply.key());
        out.consume(reply.eventTimeMs());
        out.consume(reply.found());
    }

    @Benchmark
    public void decodeByTwin(Blackhole out) {
        twin.decode(record);
        out.consume(twin.key());
        out.consume(twin.eventTimeMs());
        out.consume(twin.found());
    }

    @Benchmark
    public void step(Blackhole out) {
        StepReply reply = core.onEvent(state, found, record);
        out.consume(reply.state());
        out.consume(reply.registerTimerMs());
        while (reply.nextEmission()) {
            out.consume(reply.emissionKey());
            out.consume(reply.emissionValue());
        }
    }

    @Benchmark
    public void stepByTwin(Blackhole out) {
        twin.read(twinState);
        twin.onEvent(Load.START_MS + 19 * GAP_MS, twinFound);
        out.consume(twin.state());
        out.consume(twin.timerToRegister());
        out.consume(twin.outputKey(twinKey));
        out.consume(twin.output(record, Load.START_MS + 19 * GAP_MS, twinFound));
    }
}
