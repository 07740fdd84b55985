package com.main.kafka;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.flink.util.StringUtils;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * How much of a dead letter is written, from all of it to what always fits. The next form is for
 * what the broker or the producer refuses as too large: dropped parts leave their length and hash
 * behind, and a dead letter stays one record.
 */
enum DeadLetterForm {
    /** Value, key, headers and timestamp as they came. */
    WHOLE,
    /** An empty value. */
    WITHOUT_VALUE,
    /** No key and no other headers either: they alone are too large. A few hundred bytes. */
    BARE;

    // The names that Kafka Connect gives its dead letters, so that its tools read ours.
    static final String PREFIX = "__connect.errors.";
    static final String REASON = PREFIX + "reason";
    static final String DETAIL = PREFIX + "exception.message";
    static final String TOPIC = PREFIX + "topic";
    static final String PARTITION = PREFIX + "partition";
    static final String OFFSET = PREFIX + "offset";
    static final String TRUNCATED = PREFIX + "truncated";
    static final String VALUE_LENGTH = PREFIX + "value.length";
    static final String VALUE_SHA256 = PREFIX + "value.sha256";
    static final String KEY_LENGTH = PREFIX + "key.length";
    static final String KEY_SHA256 = PREFIX + "key.sha256";
    static final String HEADERS_DROPPED = PREFIX + "headers.dropped";

    private static final Set<String> OUR_NAMES =
            new HashSet<>(
                    Arrays.asList(
                            REASON,
                            DETAIL,
                            TOPIC,
                            PARTITION,
                            OFFSET,
                            TRUNCATED,
                            VALUE_LENGTH,
                            VALUE_SHA256,
                            KEY_LENGTH,
                            KEY_SHA256,
                            HEADERS_DROPPED));

    /** So that the bare form always fits; the core's own sentences are far shorter. */
    private static final int LONGEST_DETAIL = 1000;

    private static final byte[] EMPTY = new byte[0];

    /** The next smaller form; the bare one has none, and returns null. */
    DeadLetterForm smaller(InputRecord deadLetter) {
        switch (this) {
            case WHOLE:
                boolean valueCounts = deadLetter.value() != null && deadLetter.value().length > 0;
                return valueCounts ? WITHOUT_VALUE : BARE;
            case WITHOUT_VALUE:
                return BARE;
            default:
                return null;
        }
    }

    ProducerRecord<byte[], byte[]> of(InputRecord deadLetter, String topic) {
        byte[] value = deadLetter.value();
        byte[] key = deadLetter.kafkaKey();
        List<Header> headers = new ArrayList<>(deadLetter.headers().size() + OUR_NAMES.size());
        if (this != BARE) {
            for (Header header : deadLetter.headers()) {
                if (!OUR_NAMES.contains(header.key())) {
                    headers.add(header);
                }
            }
        }
        headers.add(header(REASON, deadLetter.reason()));
        headers.add(header(DETAIL, shortened(deadLetter.detail())));
        if (deadLetter.hasOrigin()) {
            headers.add(header(TOPIC, deadLetter.topic()));
            headers.add(header(PARTITION, String.valueOf(deadLetter.partition())));
            headers.add(header(OFFSET, String.valueOf(deadLetter.offset())));
        }
        if (this != WHOLE) {
            headers.add(header(TRUNCATED, "true"));
            if (value != null) {
                headers.add(header(VALUE_LENGTH, String.valueOf(value.length)));
                headers.add(header(VALUE_SHA256, sha256(value)));
                value = EMPTY;
            }
        }
        if (this == BARE) {
            if (key != null) {
                headers.add(header(KEY_LENGTH, String.valueOf(key.length)));
                headers.add(header(KEY_SHA256, sha256(key)));
                key = null;
            }
            headers.add(header(HEADERS_DROPPED, String.valueOf(deadLetter.headers().size())));
        }
        Long timestampMs = KafkaTimestamps.forProducer(deadLetter.kafkaTimestampMs());
        return new ProducerRecord<>(topic, null, timestampMs, key, value, headers);
    }

    private static Header header(String name, String text) {
        return new RecordHeader(name, text.getBytes(StandardCharsets.UTF_8));
    }

    private static String shortened(String detail) {
        return detail.length() > LONGEST_DETAIL ? detail.substring(0, LONGEST_DETAIL) : detail;
    }

    private static String sha256(byte[] bytes) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
            return StringUtils.byteToHexString(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
