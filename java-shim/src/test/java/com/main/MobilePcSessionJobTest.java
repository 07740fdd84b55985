package com.main;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MobilePcSessionJobTest {
    @TempDir Path folder;

    private String out;
    private String err;

    @Test
    void refusal_insideAnotherProcess_isThrown() {
        // Had main called System.exit, this JVM would be gone.
        assertThatThrownBy(() -> MobilePcSessionJob.main(new String[] {"--bogus", "--group-id="}))
                .isInstanceOf(JobRefusedException.class)
                .hasMessageContaining("--bogus: unknown")
                .hasMessageContaining("--group-id: ''");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "--version", "--print-config"})
    void answer_insideAnotherProcess_isThrown(String command) {
        assertThatThrownBy(() -> MobilePcSessionJob.main(new String[] {command}))
                .isInstanceOf(JobRefusedException.class)
                .hasMessageContaining(
                        command.equals("--version") ? "built with Flink 1.18.1" : "checkpoint");
    }

    @Test
    void printConfig_whereFlinkIs_showsTheSettingsItFillsIn() {
        assertThatThrownBy(() -> MobilePcSessionJob.main(new String[] {"--print-config"}))
                .hasMessageContaining("input-topic=log-before")
                .hasMessageContaining("# restart-strategy.type: exponential-delay");
    }

    @Test
    void process_isMainsOwn_inTheClientAndAlone() {
        String job = "com.main.MobilePcSessionJob";

        assertThat(ownProcess("org.apache.flink.client.cli.CliFrontend", "main")).isTrue();
        assertThat(ownProcess(job, "main")).isTrue();
        assertThat(ownProcess("java.lang.Thread", "run")).isFalse();
        assertThat(ownProcess("org.apache.flink.runtime.entrypoint.ClusterEntrypoint", "main"))
                .isFalse();
    }

    private static boolean ownProcess(String bottomClass, String bottomMethod) {
        return MobilePcSessionJob.hasOwnProcess(
                new StackTraceElement[] {
                    new StackTraceElement("com.main.MobilePcSessionJob", "main", null, 1),
                    new StackTraceElement(bottomClass, bottomMethod, null, 1)
                });
    }

    @Test
    void refusal_inAProcessOfItsOwn_isTextAndExitCode2() throws Exception {
        assertThat(runAlone("--bogus", "--idle-timeout=30")).isEqualTo(2);
        assertThat(out).isEmpty();
        assertThat(err.split("\n"))
                .satisfiesExactly(
                        line -> assertThat(line).isEqualTo("The job was not submitted:"),
                        line -> assertThat(line).startsWith("  --bogus: unknown"),
                        line -> assertThat(line).startsWith("  --idle-timeout: '30'"));
    }

    @Test
    void submission_withoutFlink_saysHowToSubmit() throws Exception {
        assertThat(runAlone()).isEqualTo(2);
        assertThat(err).contains("flink run -d JAR").doesNotContain("\tat ");
    }

    @Test
    void answers_withoutFlink_goToStandardOutput() throws Exception {
        assertThat(runAlone("--help")).isZero();
        assertThat(out).startsWith("Usage: flink run").contains("--input-topic");
        assertThat(err).isEmpty();

        assertThat(runAlone("--version")).isZero();
        assertThat(out)
                .contains("Flink 1.18.1")
                .containsPattern("session core [0-9a-f]{16} for linux-\\S+ \\(glibc 2")
                .doesNotContain("${");

        assertThat(runAlone("--print-config", "--input-topic=other")).isZero();
        assertThat(out).contains("input-topic=other\n");
        assertThat(err).isEmpty();
    }

    /** Runs main with what the jar holds on the class path: none of Flink's own classes. */
    private int runAlone(String... args) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Paths.get(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-cp");
        command.add(
                String.join(
                        File.pathSeparator,
                        origin(MobilePcSessionJob.class),
                        origin(CommandLine.class),
                        origin(ProducerConfig.class)));
        command.add(MobilePcSessionJob.class.getName());
        command.addAll(Arrays.asList(args));
        Path outFile = folder.resolve("out");
        Path errFile = folder.resolve("err");
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectOutput(outFile.toFile())
                        .redirectError(errFile.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("SESSION_JOB_"));
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        Process process = builder.start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        out = text(outFile);
        err = text(errFile);
        return process.exitValue();
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    private static String origin(Class<?> type) throws Exception {
        return Paths.get(type.getProtectionDomain().getCodeSource().getLocation().toURI())
                .toString();
    }
}
