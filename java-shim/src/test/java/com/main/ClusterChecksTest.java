package com.main;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClusterChecksTest {
    @TempDir Path folder;

    private final Map<String, String> cluster = new HashMap<>();
    private final List<String> warnings = new ArrayList<>();

    @Test
    void aSoundCluster_hasNoFindings_andTheCheckLeavesNothingBehind() throws IOException {
        sound();
        assertThat(problems()).isEmpty();
        assertThat(warnings).isEmpty();
        try (Stream<Path> left = Files.list(folder.resolve("checkpoints"))) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void noCheckpointFolder_isAWarning() {
        cluster.put("state.checkpoints.num-retained", "3");
        assertThat(problems()).isEmpty();
        assertThat(warnings)
                .singleElement()
                .satisfies(
                        line ->
                                assertThat(line)
                                        .startsWith("warning: state.checkpoints.dir is not set"));
    }

    @Test
    void aLocalCheckpointFolderThatCannotBeWritten_isAWarning() throws IOException {
        sound();
        // A file in the folder's place: what no right of root's helps with.
        Files.createFile(folder.resolve("checkpoints"));
        assertThat(problems()).isEmpty();
        assertThat(warnings)
                .singleElement()
                .satisfies(line -> assertThat(line).contains("is not writable here"));
    }

    @Test
    void aFileSystemUnknownHere_isAWarning() {
        sound();
        cluster.put("state.checkpoints.dir", "unheard-of://host/checkpoints");
        assertThat(problems()).isEmpty();
        assertThat(warnings)
                .singleElement()
                .satisfies(line -> assertThat(line).contains("was not checked"));
    }

    @Test
    void oneRetainedCheckpoint_isAWarning() {
        sound();
        cluster.put("state.checkpoints.num-retained", "1");
        assertThat(problems()).isEmpty();
        assertThat(warnings)
                .singleElement()
                .satisfies(line -> assertThat(line).contains("num-retained is 1"));
    }

    @Test
    void aTransactionTimeoutWithoutRoomForAnOutage_isAWarning() {
        sound();
        assertThat(problems("--delivery=exactly-once")).isEmpty();
        assertThat(warnings).isEmpty();

        assertThat(problems("--delivery=exactly-once", "--transaction-timeout=10m")).isEmpty();
        assertThat(warnings)
                .singleElement()
                .satisfies(line -> assertThat(line).contains("leaves no time for an outage"));
    }

    /** As where the job's class loader finds them in Flink's, and not in its own jar. */
    @Test
    void aConnectorAndAClientInLib_areProblems() throws IOException {
        ClassLoader flinks = ClusterChecks.class.getClassLoader();
        assertThat(ClusterChecks.classPathProblems(flinks)).isEmpty();
        try (URLClassLoader job = new URLClassLoader(new URL[0], flinks)) {
            assertThat(ClusterChecks.classPathProblems(job))
                    .satisfiesExactly(
                            line -> assertThat(line).startsWith("flink-connector-kafka lies in"),
                            line -> assertThat(line).startsWith("kafka-clients lies in"));
        }
    }

    @Test
    void withoutPreflight_nothingIsLookedAt() {
        assertThat(problems("--preflight=off")).isEmpty();
        assertThat(warnings).isEmpty();
    }

    private void sound() {
        cluster.put("state.checkpoints.dir", folder.resolve("checkpoints").toUri().toString());
        cluster.put("state.checkpoints.num-retained", "3");
    }

    private List<String> problems(String... args) {
        warnings.clear();
        return ClusterChecks.problems(
                StreamExecutionEnvironment.getExecutionEnvironment(Configuration.fromMap(cluster)),
                JobOptions.parse(args, Collections.emptyMap()),
                warnings::add);
    }
}
