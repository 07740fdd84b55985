package com.main;

import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Locale;

/**
 * The table of options. Parsing, the help, print-config, the names in the environment and the
 * README's table come from here.
 */
enum JobOption {
    BOOTSTRAP_SERVERS(
            Group.KAFKA,
            OptionType.TEXT,
            "HOST:PORT,...",
            "localhost:9092",
            "Kafka brokers, for input and output"),
    INPUT_TOPIC(Group.KAFKA, OptionType.TOPIC, "TOPIC", "log-before", "the events to read"),
    OUTPUT_TOPIC(
            Group.KAFKA,
            OptionType.TOPIC,
            "TOPIC",
            "log-after",
            "where the events go with their sessions"),
    DEAD_LETTER_TOPIC(
            Group.KAFKA,
            OptionType.TOPIC,
            "TOPIC",
            null,
            "<input-topic>.dlq",
            "where records go that are no events; made with the input's partitions where it is"
                    + " missing and the broker lets us; none: count and log only"),
    SESSION_TOPIC(
            Group.KAFKA, OptionType.TOPIC, "TOPIC", OptionType.NO_TOPIC, "where close records go"),
    GROUP_ID(
            Group.KAFKA,
            OptionType.TEXT,
            "ID",
            "flink-session-consumer",
            "consumer group the offsets are committed for; give it to no other consumer"),
    START(
            Group.KAFKA,
            OptionType.START,
            "WHERE",
            "committed",
            "where reading begins without state: committed (earliest where nothing is"
                    + " committed), earliest, latest or timestamp:<ms>"),
    PARTITION_DISCOVERY(
            Group.KAFKA,
            OptionType.POSITIVE_DURATION,
            "DURATION",
            "60s",
            "how often new partitions are looked for"),
    MAX_RECORD_SIZE(
            Group.KAFKA,
            OptionType.SIZE,
            "SIZE",
            "900kb",
            "larger records are dead letters; the producer's limit is raised to fit"),

    OUT_OF_ORDERNESS(
            Group.TIME,
            OptionType.DURATION,
            "DURATION",
            "5s",
            "bound of disorder for the watermark, per partition"),
    ORDER(
            Group.TIME,
            OptionType.choice("arrival", "event-time"),
            "ORDER",
            "arrival",
            "arrival: each event is labelled as it comes; event-time: it waits until the watermark"
                    + " has reached it, and labels do not depend on the order of arrival"),
    IDLE_TIMEOUT(
            Group.TIME,
            OptionType.DURATION,
            "DURATION",
            "60s",
            "after it a silent partition no longer holds the watermark back; 0: never"),
    ALLOWED_LATENESS(
            Group.TIME,
            OptionType.DURATION,
            "DURATION",
            "10m",
            "how long after its expiry a session is still remembered"),
    MAX_FUTURE(
            Group.TIME,
            OptionType.DURATION,
            "DURATION",
            "10m",
            "event time may be that much after the record's own time"),
    MIN_EVENT_TIME(
            Group.TIME,
            OptionType.EVENT_TIME,
            "TIME",
            "2000-01-01",
            "older event times are dead letters: a date (UTC), a date-time with its offset or"
                    + " milliseconds; 0: off"),
    ADVANCE_WHEN_SILENT(
            Group.TIME,
            OptionType.SILENCE,
            "DURATION",
            "0",
            "after that long without any input, event time goes on from where it stood, so that"
                    + " the last sessions close; longer than records may be on their way to Kafka;"
                    + " 0: off"),
    WATERMARK_ALIGNMENT(
            Group.TIME,
            OptionType.DURATION,
            "DURATION",
            "0",
            "for catching up on a backlog: a partition further ahead than that in event time is not"
                    + " read until the others come closer; Flink looks once a second, and what is"
                    + " read within it comes on top; needs --idle-timeout 0; 0: off"),
    RULES(
            Group.TIME,
            OptionType.FILE,
            "FILE",
            null,
            "built in",
            "rules of the sessions, read at submission"),

    DELIVERY(
            Group.DELIVERY,
            OptionType.choice("at-least-once", "exactly-once"),
            "HOW",
            "at-least-once",
            "at-least-once, or exactly-once by Kafka transactions"),
    TRANSACTIONAL_ID_PREFIX(
            Group.DELIVERY,
            OptionType.TEXT,
            "TEXT",
            null,
            "<job-name>-<group-id>-<output-topic>",
            "exactly-once: what the transactions' ids begin with; unlike any other job's"),
    TRANSACTION_TIMEOUT(
            Group.DELIVERY,
            OptionType.POSITIVE_DURATION,
            "DURATION",
            "14m",
            "exactly-once: longest outage without loss; the brokers' transaction.max.timeout.ms"
                    + " is its limit"),
    CHECKPOINT_INTERVAL(
            Group.DELIVERY,
            OptionType.POSITIVE_DURATION,
            "DURATION",
            "30s",
            "used where the cluster's configuration sets none"),
    STATE_CACHE(
            Group.DELIVERY,
            OptionType.COUNT,
            "ENTRIES",
            "131072",
            "keys per subtask whose state and timer are kept outside the state backend,"
                    + " with 512 bytes each on average; 0: none"),

    JOB_NAME(
            Group.RUNNING,
            OptionType.TEXT,
            "NAME",
            "mobile-pc-session",
            "name in Flink's web page and logs"),
    LOG_FILTER(
            Group.RUNNING,
            OptionType.LOG_FILTER,
            "FILTER",
            "info",
            "what the core logs: off, error, warn, info, debug or trace, or by target:"
                    + " info,wire::core=debug; Flink's log4j.properties decides what it writes"),
    NATIVE_TMP(
            Group.RUNNING,
            OptionType.REMOTE_FOLDER,
            "FOLDER",
            null,
            "the JVM's",
            "for the library's short-lived copy, on the task managers"),
    PREFLIGHT(
            Group.RUNNING,
            OptionType.choice("on", "off"),
            "on|off",
            "on",
            "off: submit without what --check looks at"),

    CONFIG(
            Group.COMMANDS,
            OptionType.FILE,
            "FILE",
            null,
            "none",
            "options in Java properties form, UTF-8"),
    PRINT_CONFIG(Group.COMMANDS, "print every option in force and submit nothing"),
    PRINT_RULES(Group.COMMANDS, "print the rules in force and submit nothing"),
    CHECK(
            Group.COMMANDS,
            "look at brokers, topics, rights and the cluster's settings and submit nothing"),
    DRY_RUN(Group.COMMANDS, "check, build the job graph and submit nothing"),
    HELP(Group.COMMANDS, "print this text"),
    VERSION(Group.COMMANDS, "print the versions the jar was built with");

    /** A heading of the help. */
    enum Group {
        KAFKA("Kafka"),
        TIME("Time and sessions"),
        DELIVERY("Delivery and checkpoints"),
        RUNNING("Running"),
        COMMANDS("Commands");

        final String heading;

        Group(String heading) {
            this.heading = heading;
        }
    }

    static final String ENVIRONMENT_PREFIX = "SESSION_JOB_";

    final Group group;
    final OptionType type;

    /** The value's place holder in the help; null for a flag. */
    final String label;

    /** The default as a user would write it; null where it is none or made from other options. */
    final String defaultText;

    /** What the help says of the default; null for a flag. */
    final String shownDefault;

    final String meaning;

    JobOption(Group group, String meaning) {
        this(group, OptionType.FLAG, null, null, null, meaning);
    }

    JobOption(Group group, OptionType type, String label, String defaultText, String meaning) {
        this(group, type, label, defaultText, defaultText, meaning);
    }

    JobOption(
            Group group,
            OptionType type,
            String label,
            String defaultText,
            String shownDefault,
            String meaning) {
        this.group = group;
        this.type = type;
        this.label = label;
        this.defaultText = defaultText;
        this.shownDefault = shownDefault;
        this.meaning = meaning;
    }

    String optionName() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    String environmentName() {
        return ENVIRONMENT_PREFIX + name();
    }

    boolean isFlag() {
        return type == OptionType.FLAG;
    }

    /** The option of that name, or null. */
    static JobOption of(String optionName) {
        for (JobOption option : values()) {
            if (option.optionName().equals(optionName)) {
                return option;
            }
        }
        return null;
    }

    /** The option whose name takes the fewest letters to add, drop or change. */
    static JobOption nearest(String name) {
        return Collections.min(
                Arrays.asList(values()),
                Comparator.comparingInt(option -> distance(name, option.optionName())));
    }

    /** Levenshtein's distance, a row of his table at a time. */
    private static int distance(String from, String to) {
        int[] row = new int[to.length() + 1];
        Arrays.setAll(row, column -> column);
        for (int i = 1; i <= from.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.length(); j++) {
                int changed = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[to.length()];
    }
}
