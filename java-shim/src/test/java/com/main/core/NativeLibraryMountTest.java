package com.main.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;

/**
 * Loading from folders that only a mount makes: each test runs a JVM in a mount namespace of its
 * own. Where the machine allows none, the tests are skipped and say so.
 */
class NativeLibraryMountTest {
    /** Mounts $2 with the options $1 and runs the rest there. */
    private static final String MOUNT_AND_RUN =
            "mount -t tmpfs -o \"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"";

    @TempDir private Path folder;

    @BeforeAll
    static void mountsAreAllowed(@TempDir Path folder) throws Exception {
        String reason;
        try {
            Answer answer = run(inMount("rw", folder, Collections.singletonList("true")));
            reason = answer.status == 0 ? null : answer.text;
        } catch (IOException e) {
            reason = e.getMessage();
        }
        if (reason != null) {
            System.out.println(
                    "SKIPPED: NativeLibraryMountTest cannot mount a folder here: " + reason);
        }
        assumeTrue(reason == null, reason);
    }

    @Test
    void anOrdinaryMountTakesTheLibrary() throws Exception {
        assertThat(probeIn("rw")).isEqualTo("loaded, 0 files stay");
    }

    @Test
    void aFolderMountedNoexecIsNamedWithTheOption() throws Exception {
        assertThat(probeIn("noexec"))
                .contains(" may not be executed in the folder " + folder)
                .contains("mounted noexec")
                .endsWith("; name another folder with --native-tmp, 0 files stay");
    }

    @Test
    void aReadOnlyFolderIsNamed() throws Exception {
        assertThat(probeIn("ro"))
                .contains("the folder " + folder + " takes no copy of the library (Read-only file")
                .endsWith("or name another folder with --native-tmp, 0 files stay");
    }

    @Test
    void aFolderThatMayNotBeWrittenIsNamed() throws Exception {
        // Root writes everywhere, unless it has no rights of root.
        assertThat(probeIn("mode=0555", "setpriv", "--bounding-set=-all"))
                .contains("the folder " + folder + " takes no copy of the library (Permission")
                .endsWith("or name another folder with --native-tmp, 0 files stay");
    }

    @Test
    void aFullFolderIsNamed() throws Exception {
        assertThat(probeIn("size=4k"))
                .contains("the folder " + folder + " takes no copy of the library (No space left")
                .contains("with room for " + CoreJar.library().length + " bytes")
                .endsWith("or name another folder with --native-tmp, 0 files stay");
    }

    private String probeIn(String mountOptions, String... wrapper) throws Exception {
        List<String> command = new ArrayList<>(Arrays.asList(wrapper));
        command.add(Paths.get(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-cp");
        command.add(classPathOf(NativeLibrary.class, Probe.class, Logger.class));
        command.add(Probe.class.getName());
        command.add(folder.toString());
        Answer answer = run(inMount(mountOptions, folder, command));
        assertThat(answer.status).as(answer.text).isZero();
        String[] lines = answer.text.trim().split("\n");
        return lines[lines.length - 1];
    }

    private static String classPathOf(Class<?>... types) {
        return Stream.of(types)
                .map(type -> CoreJar.codeSource(type).toString())
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static List<String> inMount(String options, Path folder, List<String> command) {
        List<String> all = new ArrayList<>();
        all.addAll(Arrays.asList("unshare", "--map-root-user", "--mount"));
        all.addAll(Arrays.asList("sh", "-c", MOUNT_AND_RUN, "sh", options, folder.toString()));
        all.addAll(command);
        return all;
    }

    private static Answer run(List<String> command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C"); // The tests read the system's words.
        Process process = builder.start();
        process.getOutputStream().close();
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try (InputStream in = process.getInputStream()) {
            for (int next = in.read(); next >= 0; next = in.read()) {
                text.write(next);
            }
        }
        return new Answer(
                process.waitFor(), new String(text.toByteArray(), StandardCharsets.UTF_8));
    }

    /** What a process left. */
    private static final class Answer {
        final int status;
        final String text;

        Answer(int status, String text) {
            this.status = status;
            this.text = text;
        }
    }

    /** The JVM in the mount: prints how loading went, in its last line. */
    static final class Probe {
        public static void main(String[] args) {
            String outcome = NativeLibrary.probe(args[0]).orElse("loaded");
            System.out.println(outcome + ", " + new File(args[0]).list().length + " files stay");
        }

        private Probe() {}
    }
}
