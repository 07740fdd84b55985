package com.main.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.Paths;

/**
 * What the just-in-time compiler's threads have taken. A job that runs for weeks pays it once, a
 * run of a minute for a large part of its records, so it is told apart.
 *
 * <p>The JVM must not end these threads when they have nothing to do: see
 * scripts/rig/benchmarks/pipeline.py.
 */
final class CompilerThreads {
    /** The kernel counts in hundredths of a second on every Linux that Java runs on. */
    private static final long TICK_NS = 10_000_000;

    private static final int USER_TIME = 11;
    private static final int SYSTEM_TIME = 12;

    /** CPU time so far. */
    static long cpuNs() throws IOException {
        long ticks = 0;
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Paths.get("/proc/self/task"))) {
            for (Path thread : threads) {
                ticks += ticks(thread);
            }
        }
        return ticks * TICK_NS;
    }

    private static long ticks(Path thread) throws IOException {
        String stat;
        try {
            stat =
                    new String(
                            Files.readAllBytes(thread.resolve("stat")),
                            StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException ended) {
            return 0;
        }
        int name = stat.indexOf('(') + 1;
        if (!stat.startsWith("C1 Compiler", name) && !stat.startsWith("C2 Compiler", name)) {
            return 0;
        }
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return Long.parseLong(fields[USER_TIME]) + Long.parseLong(fields[SYSTEM_TIME]);
    }

    private CompilerThreads() {}
}
