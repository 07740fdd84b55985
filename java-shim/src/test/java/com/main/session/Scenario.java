package com.main.session;

import com.main.core.CoreOptions;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/** A file of rust-core/scenarios, as the crate scenario prints it: Maven has it made as JSON. */
final class Scenario {
    static final ObjectMapper JSON = new ObjectMapper();

    private final JsonNode content;

    private Scenario(JsonNode content) {
        this.content = content;
    }

    static List<Scenario> readAll() throws IOException {
        List<Scenario> scenarios = new ArrayList<>();
        try (InputStream in = Scenario.class.getResourceAsStream("/scenarios.json")) {
            JSON.readTree(in).forEach(content -> scenarios.add(new Scenario(content)));
        }
        return scenarios;
    }

    String name() {
        return content.get("name").textValue();
    }

    /** What the scenario begins with. */
    CoreOptions options() {
        return options(content.get("rules").asText(""));
    }

    /** The scenario's options with these rules. */
    CoreOptions options(String rules) {
        CoreOptions options = new CoreOptions().closeRecords(true).ordered(ordered()).rules(rules);
        options.allowedLatenessMs(content.get("lateness_ms").longValue());
        JsonNode maxRecordSize = content.get("max_record_size");
        return maxRecordSize.isNull() ? options : options.maxRecordSize(maxRecordSize.intValue());
    }

    /** Whether events wait for their turn by event time. */
    boolean ordered() {
        return content.get("order").textValue().equals("event-time");
    }

    long nowMs() {
        return content.get("now_ms").asLong(System.currentTimeMillis());
    }

    JsonNode steps() {
        return content.get("steps");
    }

    @Override
    public String toString() {
        return name();
    }
}
