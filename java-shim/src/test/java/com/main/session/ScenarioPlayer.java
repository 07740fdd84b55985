package com.main.session;

import static com.main.session.Scenario.JSON;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Plays a scenario on the function, as rust-core/wire/tests/scenarios.rs plays it on the core.
 * After each step every key with an open session or an event that waits has one timer and one
 * state, and no other has any.
 */
final class ScenarioPlayer implements AutoCloseable {
    private static final String TOPIC = "log-before";
    private static final int PARTITION = 3;
    private static final long NO_RECORD_TIME = -1;

    private final Scenario scenario;
    private final boolean onHeap;
    private SessionCore decoder;
    private SessionHarness harness;

    /** Whose session an id is, of each that is open. */
    private final Map<String, String> openSessions = new HashMap<>();

    /** The event lines so far; the offset of an event's record is its line's place here. */
    private final List<JsonNode> eventLines = new ArrayList<>();

    /** The offsets of the events whose output has not come. */
    private final Set<Integer> waiting = new TreeSet<>();

    private long watermarkMs = Long.MIN_VALUE;

    ScenarioPlayer(Scenario scenario, StateBackend backend, int cacheEntries) throws Exception {
        this.scenario = scenario;
        onHeap = backend instanceof HashMapStateBackend;
        CoreOptions options = scenario.options();
        decoder = SessionCore.open(options, null);
        harness = SessionHarness.open(options, backend, cacheEntries);
    }

    void play(JsonNode step) throws Exception {
        switch (step.get("step").textValue()) {
            case "event":
                playEvent(step);
                break;
            case "rules":
                changeRules(step.get("rules").textValue());
                break;
            case "watermark":
                moveWatermark(step.get("at_ms").longValue());
                takeOutputs();
                assertThat(takeClosings()).as(place(step)).isEqualTo(step.get("closed"));
                break;
            case "due":
                checkDue(step);
                break;
            case "record":
                checkRecord(step);
                break;
            default:
                throw new AssertionError("no such step: " + step);
        }
        assertThat(harness.takeOutputs()).as(place(step)).isEmpty();
        assertThat(harness.takeDeadLetters()).as(place(step)).isEmpty();
        checkNothingWaitsTooLong();
        checkNothingIsLeftOver(place(step));
    }

    /** What the scenario leaves open closes in the end, and nothing stays behind. */
    void end() throws Exception {
        moveWatermark(Long.MAX_VALUE);
        takeOutputs();
        takeClosings();
        assertThat(openSessions).isEmpty();
        assertThat(waiting).isEmpty();
        checkNothingIsLeftOver(scenario.name());
    }

    /** Goes on with another function that has the state of the one before. */
    void restart() throws Exception {
        goOnWith(harness.restored());
    }

    private void changeRules(String rules) throws Exception {
        CoreOptions options = scenario.options(rules);
        decoder.close();
        decoder = SessionCore.open(options, null);
        goOnWith(harness.restored(options));
    }

    private void goOnWith(SessionHarness next) throws Exception {
        harness.close();
        harness = next;
        if (scenario.ordered()) {
            // It starts without a watermark: what comes late in the scenario would wait.
            harness.watermark(watermarkMs);
        }
    }

    private void moveWatermark(long atMs) throws Exception {
        watermarkMs = Math.max(watermarkMs, atMs);
        harness.watermark(watermarkMs);
    }

    @Override
    public void close() {
        harness.close();
        decoder.close();
    }

    private void playEvent(JsonNode step) throws Exception {
        String key = step.get("key").textValue();
        ObjectNode record =
                JSON.createObjectNode()
                        .put("uid", key)
                        .put("log_name", step.get("log_name").textValue());
        record.set("ts", step.get("at_ms"));
        record.setAll((ObjectNode) step.get("with"));
        InputRecord event = decode(JSON.writeValueAsBytes(record), eventLines.size());
        assertThat(event.key()).as(place(step)).isEqualTo(key);
        waiting.add(eventLines.size());
        harness.event(event);
        eventLines.add(step);
        takeOutputs();
        assertThat(takeClosings()).as(place(step)).isEqualTo(step.get("closed"));
    }

    /** Each output is that of its line, and those of a key come by event time where they waited. */
    private void takeOutputs() throws IOException {
        Map<String, Long> released = new HashMap<>();
        for (OutputRecord output : harness.takeOutputs()) {
            assertThat(output.timestampMs()).isEqualTo(NO_RECORD_TIME);
            assertThat(output.headers()).hasSize(1);
            assertThat(output.headers().get(0).key()).isEqualTo("session.origin");
            String origin = new String(output.headers().get(0).value(), UTF_8);
            assertThat(origin).startsWith(TOPIC + '/' + PARTITION + '/');
            int offset = Integer.parseInt(origin.substring(origin.lastIndexOf('/') + 1));
            JsonNode line = eventLines.get(offset);
            assertThat(waiting.remove(offset)).as("%s: comes once", place(line)).isTrue();
            String key = line.get("key").textValue();
            assertThat(labelOf(output, key)).as(place(line)).isEqualTo(line.get("label"));
            long atMs = line.get("at_ms").longValue();
            Long before = released.put(key, atMs);
            assertThat(before == null || before <= atMs).as("%s: in turn", place(line)).isTrue();
        }
    }

    /** In order of arrival nothing waits, else what happened after the watermark does. */
    private void checkNothingWaitsTooLong() {
        for (int offset : waiting) {
            JsonNode line = eventLines.get(offset);
            assertThat(scenario.ordered() && line.get("at_ms").longValue() > watermarkMs)
                    .as("%s: no output came", place(line))
                    .isTrue();
        }
    }

    private void checkDue(JsonNode step) throws Exception {
        String key = step.get("key").textValue();
        if (step.get("at_ms").isNull()) {
            assertThat(liveKeys()).as(place(step)).doesNotContain(key);
            assertThat(doneBy(key, Long.MAX_VALUE)).as(place(step)).isZero();
            return;
        }
        long dueMs = step.get("at_ms").longValue();
        assertThat(doneBy(key, dueMs - 1)).as("%s: due earlier", place(step)).isZero();
        assertThat(doneBy(key, dueMs)).as("%s: due later", place(step)).isPositive();
    }

    /** How many events of a key a watermark would label, and sessions close; it does none here. */
    private int doneBy(String key, long atMs) throws Exception {
        int done = 0;
        try (SessionHarness copy = harness.restored()) {
            copy.watermark(atMs);
            List<OutputRecord> given = new ArrayList<>(copy.takeCloseRecords());
            given.addAll(copy.takeOutputs());
            for (OutputRecord record : given) {
                if (JSON.readTree(record.value()).get("uid").textValue().equals(key)) {
                    done++;
                }
            }
        }
        return done;
    }

    private void checkRecord(JsonNode step) throws Exception {
        byte[] value = step.get("value").textValue().getBytes(UTF_8);
        DecodeReply reply =
                decoder.decode(
                        value, step.get("record_time_ms").asLong(NO_RECORD_TIME), scenario.nowMs());
        JsonNode becomes = step.get("becomes");
        switch (becomes.get("kind").textValue()) {
            case "event":
                assertThat(reply.event()).as(place(step)).isTrue();
                break;
            case "dead":
                assertThat(reply.event()).as(place(step)).isFalse();
                assertThat(reply.reason())
                        .as(place(step))
                        .isEqualTo(becomes.get("text").textValue());
                break;
            case "out":
                assertThat(reply.event()).as(place(step)).isTrue();
                InputRecord event = event(value, reply, 0);
                assertThat(outputOfFirst(event))
                        .as(place(step))
                        .isEqualTo(becomes.get("text").textValue());
                break;
            default:
                throw new AssertionError("no such outcome: " + becomes);
        }
    }

    /** The output of an event whose key has no state. */
    private String outputOfFirst(InputRecord event) throws Exception {
        try (SessionHarness alone = harness.withoutState()) {
            alone.event(event);
            alone.watermark(event.eventTimeMs());
            List<OutputRecord> outputs = alone.takeOutputs();
            assertThat(outputs).hasSize(1);
            return new String(outputs.get(0).value(), UTF_8);
        }
    }

    private void checkNothingIsLeftOver(String place) throws Exception {
        int keys = liveKeys().size();
        assertThat(harness.timers()).as("%s: timers", place).isEqualTo(keys);
        if (onHeap) {
            assertThat(harness.keysWithState()).as("%s: states", place).isEqualTo(keys);
        }
    }

    /** The keys that have an open session or an event that waits. */
    private Set<String> liveKeys() {
        Set<String> keys = new HashSet<>(openSessions.values());
        waiting.forEach(offset -> keys.add(eventLines.get(offset).get("key").textValue()));
        return keys;
    }

    private InputRecord decode(byte[] value, long offset) {
        DecodeReply reply = decoder.decode(value, NO_RECORD_TIME, scenario.nowMs());
        assertThat(reply.event()).isTrue();
        return event(value, reply, offset);
    }

    private static InputRecord event(byte[] value, DecodeReply reply, long offset) {
        ConsumerRecord<byte[], byte[]> record =
                new ConsumerRecord<>(TOPIC, PARTITION, offset, null, value);
        return InputRecord.event(record, reply.key(), reply.eventTimeMs(), reply.found());
    }

    private JsonNode labelOf(OutputRecord output, String key) throws IOException {
        String kafkaKey = new String(output.key(), UTF_8);
        JsonNode value = JSON.readTree(output.value());
        JsonNode id = value.path("session_id");
        if (!id.isTextual()) {
            assertThat(kafkaKey).isEqualTo(key);
            return JSON.nullNode();
        }
        assertThat(kafkaKey).isEqualTo(id.textValue());
        openSessions.put(id.textValue(), key);
        ObjectNode label = JSON.createObjectNode().put("id_ms", idTime(id.textValue(), key));
        label.set("seq", value.get("seq_in_session"));
        label.set("start_ms", value.get("session_start_ts"));
        label.set("last_ms", value.get("session_last_ts"));
        label.set("expires_ms", value.get("session_expire_at"));
        return label;
    }

    /** What closed since the last time: by expiry, then id. */
    private ArrayNode takeClosings() throws IOException {
        List<JsonNode> closeRecords = new ArrayList<>();
        for (OutputRecord record : harness.takeCloseRecords()) {
            JsonNode value = JSON.readTree(record.value());
            String id = value.get("session_id").textValue();
            assertThat(new String(record.key(), UTF_8)).isEqualTo(id);
            assertThat(openSessions.remove(id)).isEqualTo(value.get("uid").textValue());
            closeRecords.add(value);
        }
        closeRecords.sort(
                Comparator.comparingLong(
                                (JsonNode record) -> record.get("session_expire_at").longValue())
                        .thenComparing(record -> record.get("session_id").textValue()));
        ArrayNode closings = JSON.createArrayNode();
        for (JsonNode record : closeRecords) {
            String key = record.get("uid").textValue();
            ObjectNode closing = closings.addObject().put("key", key);
            closing.put("id_ms", idTime(record.get("session_id").textValue(), key));
            closing.set("count", record.get("event_count"));
            closing.set("last_ms", record.get("session_last_ts"));
            closing.set("by", record.get("closed_by"));
        }
        return closings;
    }

    private static long idTime(String id, String key) {
        assertThat(id).startsWith(key + '_');
        return Long.parseLong(id.substring(key.length() + 1));
    }

    private String place(JsonNode step) {
        return scenario.name() + ":" + step.get("line");
    }
}
