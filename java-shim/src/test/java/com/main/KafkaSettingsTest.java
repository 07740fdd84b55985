package com.main;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import org.junit.jupiter.api.Test;

class KafkaSettingsTest {
    @Test
    void consumer_readsWhatIsCommitted_andLooksForPartitions() {
        assertThat(settings("--bootstrap-servers=a:1", "--group-id=g").consumerProperties())
                .containsEntry("bootstrap.servers", "a:1")
                .containsEntry("group.id", "g")
                .containsEntry("isolation.level", "read_committed")
                .containsEntry("partition.discovery.interval.ms", "60000");
    }

    @Test
    void producer_losesNothing() {
        assertThat(settings("--bootstrap-servers=a:1").producerProperties())
                .containsEntry("bootstrap.servers", "a:1")
                .containsEntry("acks", "all")
                .containsEntry("enable.idempotence", "true")
                .containsEntry("compression.type", "lz4")
                .containsEntry("linger.ms", "5")
                .containsEntry("delivery.timeout.ms", "120000")
                .doesNotContainKey("transaction.timeout.ms");
        assertThat(settings("--delivery=exactly-once").producerProperties())
                .containsEntry("transaction.timeout.ms", "840000");
    }

    @Test
    void requestSize_fitsTheLargestRecord_andAStockBrokerByDefault() {
        assertThat(settings().producerProperties()).containsEntry("max.request.size", "1048576");
        assertThat(settings("--max-record-size=64mb").producerProperties())
                .containsEntry("max.request.size", Integer.toString((64 << 20) + (64 << 10)))
                .containsEntry("buffer.memory", Integer.toString((64 << 20) + (64 << 10)));
    }

    @Test
    void lookUp_endsInSeconds() {
        assertThat(settings("--kafka.request.timeout.ms=60000").adminProperties())
                .containsEntry("default.api.timeout.ms", "15000")
                .containsEntry("request.timeout.ms", "15000");
    }

    @Test
    void sourcesAdminClient_hasTheConsumersSecurity_andNothingItDoesNotKnow() {
        assertThat(
                        settings(
                                        "--bootstrap-servers=a:1",
                                        "--kafka.security.protocol=SASL_SSL",
                                        "--source.sasl.mechanism=PLAIN",
                                        "--source.fetch.min.bytes=7",
                                        "--sink.sasl.mechanism=GSSAPI")
                                .sourceAdminProperties())
                .containsEntry("bootstrap.servers", "a:1")
                .containsEntry("security.protocol", "SASL_SSL")
                .containsEntry("sasl.mechanism", "PLAIN")
                .doesNotContainKeys("fetch.min.bytes", "group.id", "isolation.level");
    }

    @Test
    void whatTheClientsWouldRefuse_isToldBeforeSubmission() {
        assertThat(settings().problems()).isEmpty();
        assertThat(
                        settings(
                                        "--source.fetch.min.bytes=many",
                                        "--sink.max.in.flight.requests.per.connection=6")
                                .problems())
                .satisfiesExactly(
                        line -> assertThat(line).contains("source.*", "fetch.min.bytes", "many"),
                        line -> assertThat(line).contains("sink.*", "max.in.flight"));
    }

    private static KafkaSettings settings(String... args) {
        return new KafkaSettings(JobOptions.parse(args, Collections.emptyMap()));
    }
}
