package com.main.benchmarks;

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;

/**
 * The records every peer reads: the same bytes for all, made once, mapped into memory.
 *
 * <p>Some users are active at a time. An event is of one of them by chance; with one event in 20 on
 * average a user's visit ends and another user of all comes instead. A visit opens with a check-in
 * in two cases of five. Event time goes on so that an active user has an event every 75 s; the
 * disorder is up to 5 s. Users are spread over partitions by their number.
 */
final class Load {
    static final long START_MS = 1_734_144_000_000L;
    private static final long SHORTEST_TIMEOUT_MS = 30 * 60_000L;
    private static final int VISIT_EVENTS = 20;
    private static final int GAP_MS = 75_000;
    private static final int DISORDER_MS = 5_000;

    private final ByteBuffer bytes;

    private Load(ByteBuffer bytes) {
        this.bytes = bytes;
    }

    /** Writes one file a partition. */
    static void make(Path folder, int partitions, long records, int users, int active, long seed)
            throws IOException {
        DataOutputStream[] files = create(folder, partitions);
        Random random = new Random(seed);
        int[] userOf = new int[active];
        boolean[] fresh = new boolean[active];
        for (int i = 0; i < active; i++) {
            userOf[i] = random.nextInt(users);
            fresh[i] = true;
        }
        double stepMs = (double) GAP_MS / active;
        for (long n = 0; n < records; n++) {
            int who = random.nextInt(active);
            String logName = "CLICK";
            int chance = random.nextInt(100);
            if (fresh[who]) {
                logName = chance < 40 ? "CIN" : "VISIT";
                fresh[who] = false;
            } else if (chance < 15) {
                logName = "VISIT";
            } else if (chance < 20) {
                logName = "COUT";
            }
            int user = userOf[who];
            long at = START_MS + (long) (n * stepMs) - random.nextInt(DISORDER_MS);
            write(files, user, logName, at, random);
            if (random.nextInt(VISIT_EVENTS) == 0) {
                userOf[who] = random.nextInt(users);
                fresh[who] = true;
            }
        }
        close(files);
    }

    /**
     * Writes a load that keeps every session open: each user once, then events of active users by
     * chance, all of them within the shortest timeout.
     */
    static void makeOpenSessions(
            Path folder, int partitions, long events, int users, int active, long seed)
            throws IOException {
        DataOutputStream[] files = create(folder, partitions);
        Random random = new Random(seed);
        int[] order = shuffled(users, random);
        for (int user : order) {
            write(files, user, "CLICK", START_MS - random.nextInt(DISORDER_MS), random);
        }
        for (long n = 0; n < events; n++) {
            long at = START_MS + n * SHORTEST_TIMEOUT_MS / 2 / events - random.nextInt(DISORDER_MS);
            write(files, order[random.nextInt(active)], "CLICK", at, random);
        }
        close(files);
    }

    /** In no order: RocksDB takes what comes sorted with less work. */
    private static int[] shuffled(int users, Random random) {
        int[] order = new int[users];
        for (int i = 0; i < users; i++) {
            int at = random.nextInt(i + 1);
            order[i] = order[at];
            order[at] = i;
        }
        return order;
    }

    private static DataOutputStream[] create(Path folder, int partitions) throws IOException {
        Files.createDirectories(folder);
        DataOutputStream[] files = new DataOutputStream[partitions];
        for (int i = 0; i < partitions; i++) {
            files[i] =
                    new DataOutputStream(
                            new BufferedOutputStream(
                                    Files.newOutputStream(file(folder, i)), 1 << 20));
        }
        return files;
    }

    private static void write(
            DataOutputStream[] files, int user, String logName, long at, Random random)
            throws IOException {
        byte[] key = ("user-" + user).getBytes(StandardCharsets.US_ASCII);
        byte[] value = json(user, logName, at, random).getBytes(StandardCharsets.US_ASCII);
        DataOutputStream out = files[user % files.length];
        out.writeInt(key.length);
        out.write(key);
        out.writeInt(value.length);
        out.write(value);
    }

    private static void close(DataOutputStream[] files) throws IOException {
        for (DataOutputStream file : files) {
            file.close();
        }
    }

    private static String json(int user, String logName, long at, Random random) {
        return "{\"uid\":\"user-"
                + user
                + "\",\"access_type\":\""
                + (user % 3 == 0 ? "pc" : "mobile")
                + "\",\"log_name\":\""
                + logName
                + "\",\"in_time\":\""
                + random.nextInt(1000)
                + "\",\"out_time\":\"\",\"ip\":\"192.168."
                + random.nextInt(256)
                + '.'
                + random.nextInt(256)
                + "\",\"ts\":"
                + at
                + '}';
    }

    static Load of(Path folder, int partition) throws IOException {
        try (FileChannel file = FileChannel.open(file(folder, partition), StandardOpenOption.READ)) {
            return new Load(file.map(FileChannel.MapMode.READ_ONLY, 0, file.size()));
        }
    }

    private static Path file(Path folder, int partition) {
        return folder.resolve("part-" + partition);
    }

    boolean hasNext() {
        return bytes.hasRemaining();
    }

    /** The next record's key, then its value: an array of its own each, as from a consumer. */
    byte[] next() {
        byte[] next = new byte[bytes.getInt()];
        bytes.get(next);
        return next;
    }

    long records() {
        long records = 0;
        ByteBuffer all = bytes.duplicate();
        all.rewind();
        while (all.hasRemaining()) {
            for (int part = 0; part < 2; part++) {
                int length = all.getInt();
                all.position(all.position() + length);
            }
            records++;
        }
        return records;
    }
}
