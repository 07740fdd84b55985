package com.main.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import com.main.LogLines;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.logging.log4j.Level;
import org.junit.jupiter.api.Test;

/** "try": what a committer throws on close is for the test to fail with. */
@SuppressWarnings("try")
class ReportingCommitterTest {
    private final List<String> signals = new ArrayList<>();

    @Test
    void anExpiredTransactionIsReportedWithItsRecords() throws Exception {
        List<String> logged;
        try (ReportingCommitter<String> committer =
                        new ReportingCommitter<>("log-after", new Connector());
                LogLines log = LogLines.of(ReportingCommitter.class.getName(), Level.WARN)) {
            committer.commit(Arrays.asList(request("good", 5), request("expired", 1234)));
            logged = log.texts();
        }

        assertThat(signals).containsExactly("expired: failed with a known reason");
        assertThat(ReportingCommitter.takeLost("log-after")).isEqualTo(1234);
        assertThat(ReportingCommitter.takeLost("log-after")).as("taken once").isZero();
        assertThat(ReportingCommitter.takeLost("sessions")).isZero();
        assertThat(logged)
                .singleElement()
                .satisfies(
                        line ->
                                assertThat(line)
                                        .startsWith("ERROR Transaction expired to log-after")
                                        .contains("1234 records are lost")
                                        .contains("--transaction-timeout"));
    }

    /** As a job does that starts again from the checkpoint of the transaction. */
    @Test
    void aTransactionThatExpiredIsReportedOnce() throws Exception {
        List<String> logged;
        try (LogLines log = LogLines.of(ReportingCommitter.class.getName(), Level.WARN)) {
            for (int start = 0; start < 2; start++) {
                try (ReportingCommitter<String> committer =
                        new ReportingCommitter<>("log-after-again", new Connector())) {
                    committer.commit(Arrays.asList(request("expired once", 9)));
                }
            }
            logged = log.texts();
        }
        assertThat(ReportingCommitter.takeLost("log-after-again")).isEqualTo(9);
        assertThat(logged).hasSize(1);
        assertThat(signals).as("the connector hears of each").hasSize(2);
    }

    @Test
    void aRetryKeepsTheCount() throws Exception {
        try (ReportingCommitter<String> committer =
                new ReportingCommitter<>("log-after", new Connector())) {
            committer.commit(Arrays.asList(request("slow", 7), request("away", 8)));
        }
        assertThat(signals).containsExactly("slow again, 7 records", "away: later");
        assertThat(ReportingCommitter.takeLost("log-after")).isZero();
    }

    @Test
    void theCountStandsBeforeTheConnectorsBytes() throws IOException {
        CountedTransaction.Serializer<String> serializer =
                new CountedTransaction.Serializer<>(new Text());
        byte[] bytes = serializer.serialize(new CountedTransaction<>("id", 3));
        CountedTransaction<String> read = serializer.deserialize(serializer.getVersion(), bytes);
        assertThat(read.committable()).isEqualTo("id");
        assertThat(read.records()).isEqualTo(3);
    }

    @Test
    void aTransactionOfThePlainConnectorHasNoCount() throws IOException {
        CountedTransaction.Serializer<String> serializer =
                new CountedTransaction.Serializer<>(new Text());
        CountedTransaction<String> read =
                serializer.deserialize(1, "id".getBytes(StandardCharsets.UTF_8));
        assertThat(read.committable()).isEqualTo("id");
        assertThat(read.records()).isEqualTo(CountedTransaction.UNKNOWN);
    }

    /** Answers as the connector's committer does, by what the transaction is called. */
    private static final class Connector implements Committer<String> {
        @Override
        public void commit(Collection<CommitRequest<String>> requests) {
            for (CommitRequest<String> request : requests) {
                switch (request.getCommittable()) {
                    case "expired":
                    case "expired once":
                        request.signalFailedWithKnownReason(new ProducerFencedException("late"));
                        break;
                    case "slow":
                        request.updateAndRetryLater("slow again");
                        break;
                    case "away":
                        request.retryLater();
                        break;
                    default:
                        break;
                }
            }
        }

        @Override
        public void close() {}
    }

    private Committer.CommitRequest<CountedTransaction<String>> request(String id, long records) {
        return new Committer.CommitRequest<CountedTransaction<String>>() {
            @Override
            public CountedTransaction<String> getCommittable() {
                return new CountedTransaction<>(id, records);
            }

            @Override
            public int getNumberOfRetries() {
                return 0;
            }

            @Override
            public void signalFailedWithKnownReason(Throwable reason) {
                signals.add(id + ": failed with a known reason");
            }

            @Override
            public void signalFailedWithUnknownReason(Throwable reason) {
                signals.add(id + ": failed");
            }

            @Override
            public void retryLater() {
                signals.add(id + ": later");
            }

            @Override
            public void updateAndRetryLater(CountedTransaction<String> updated) {
                signals.add(updated.committable() + ", " + updated.records() + " records");
            }

            @Override
            public void signalAlreadyCommitted() {
                signals.add(id + ": already committed");
            }
        };
    }

    private static final class Text implements SimpleVersionedSerializer<String> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public String deserialize(int version, byte[] serialized) {
            return new String(serialized, StandardCharsets.UTF_8);
        }
    }
}
