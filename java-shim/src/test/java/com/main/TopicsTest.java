package com.main;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TopicsTest {
    private final List<String> warnings = new ArrayList<>();

    @Test
    void silentBroker_isAProblem_andWithoutPreflightAWarning() throws IOException {
        String nobody = "--bootstrap-servers=localhost:" + freePort();
        String soon = "--kafka.default.api.timeout.ms=1000";

        assertThat(Topics.prepare(options(nobody, soon), 1, warnings::add))
                .singleElement()
                .satisfies(line -> assertThat(line).startsWith("no broker answers at localhost:"));
        assertThat(warnings).isEmpty();

        assertThat(Topics.prepare(options(nobody, soon, "--preflight=off"), 1, warnings::add))
                .isEmpty();
        assertThat(warnings)
                .singleElement()
                .satisfies(line -> assertThat(line).startsWith("no broker answers at localhost:"));
    }

    @Test
    void clientThatCannotBeMade_isAProblemWithoutSecrets(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("job.properties");
        String properties =
                "kafka.security.protocol=SASL_PLAINTEXT\nkafka.sasl.mechanism=PLAIN\n"
                        + "kafka.sasl.jaas.config=hunter2\n";
        Files.write(file, properties.getBytes(StandardCharsets.UTF_8));

        assertThat(Topics.prepare(options("--config=" + file), 1, warnings::add))
                .singleElement()
                .satisfies(
                        line ->
                                assertThat(line)
                                        .startsWith("no client for localhost:9092")
                                        .contains("JAAS")
                                        .doesNotContain("hunter2"));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static JobOptions options(String... args) {
        return JobOptions.parse(args, Collections.emptyMap());
    }
}
