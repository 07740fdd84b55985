package com.main;

import com.main.core.CoreOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/**
 * The options in force, checked. It needs no class of Flink: they are not on the class path of
 * {@code java -jar}, where help and errors have to work all the same.
 */
public final class JobOptions {
    private static final String MASK = "******";

    /** What the user wants done. */
    public enum Command {
        SUBMIT,
        CHECK,
        DRY_RUN,
        PRINT_CONFIG,
        PRINT_RULES,
        HELP,
        VERSION
    }

    private final OptionReader reader;
    private final Map<JobOption, Object> values = new EnumMap<>(JobOption.class);
    private final Command command;
    private final String rulesText;

    /**
     * Reads the command line, the environment and the config file.
     *
     * @throws JobRefusedException with everything that is wrong
     */
    public static JobOptions parse(String[] args, Map<String, String> environment) {
        OptionReader reader = new OptionReader();
        reader.readCommandLine(args);
        for (JobOption wish : new JobOption[] {JobOption.HELP, JobOption.VERSION}) {
            if (reader.has(wish)) {
                // Whoever asks for help is not told off for the rest of the line.
                return new JobOptions(new OptionReader(), Command.valueOf(wish.name()));
            }
        }
        reader.readEnvironment(environment);
        OptionReader.Setting config = reader.settings.get(JobOption.CONFIG);
        if (config != null) {
            try {
                reader.readFile((Path) JobOption.CONFIG.type.parse(config.text));
            } catch (IllegalArgumentException e) {
                // Said below, with the other values.
            }
        }
        JobOptions options = new JobOptions(reader, commandIn(reader));
        if (!reader.problems.isEmpty()) {
            throw new JobRefusedException(reader.problems);
        }
        return options;
    }

    private JobOptions(OptionReader reader, Command command) {
        this.reader = reader;
        this.command = command;
        for (JobOption option : JobOption.values()) {
            OptionReader.Setting setting = reader.settings.get(option);
            if (option.defaultText != null) {
                values.put(option, option.type.parse(option.defaultText));
            }
            if (setting != null) {
                try {
                    values.put(option, option.type.parse(setting.text));
                } catch (IllegalArgumentException e) {
                    reader.problems.add(
                            setting.label + ": '" + setting.text + "' is not " + e.getMessage());
                }
            }
        }
        rulesText = readRules();
        checkTopics();
        checkEventTime();
        if (exactlyOnce() && checkpointInterval().compareTo(transactionTimeout()) >= 0) {
            reader.problems.add(
                    "--checkpoint-interval "
                            + text(checkpointInterval())
                            + ": below --transaction-timeout ("
                            + text(transactionTimeout())
                            + ") with --delivery exactly-once, or every transaction times out");
        }
        reader.passThrough.forEach(
                (name, setting) -> {
                    String reason = KafkaSettings.refusal(name, setting.text);
                    if (reason != null) {
                        reader.problems.add(setting.label + ": " + reason);
                    }
                });
    }

    private static Command commandIn(OptionReader reader) {
        Command command = Command.SUBMIT;
        for (Command wish : Command.values()) {
            if (wish == Command.SUBMIT || !reader.has(JobOption.valueOf(wish.name()))) {
                continue;
            }
            if (command != Command.SUBMIT) {
                reader.problems.add(
                        "--"
                                + JobOption.valueOf(command.name()).optionName()
                                + " and --"
                                + JobOption.valueOf(wish.name()).optionName()
                                + ": give one of them");
            }
            command = wish;
        }
        return command;
    }

    private String readRules() {
        Path file = (Path) values.get(JobOption.RULES);
        if (file == null) {
            return "";
        }
        try {
            byte[] bytes = Files.readAllBytes(file);
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            reader.problems.add(label(JobOption.RULES) + ": " + file + " is not UTF-8 text");
        } catch (IOException e) {
            reader.problems.add(label(JobOption.RULES) + ": " + file + " cannot be read");
        }
        return "";
    }

    /** A topic has one use: the job would read what it wrote, or readers would get a mixture. */
    private void checkTopics() {
        Map<String, JobOption> uses = new HashMap<>();
        uses.put(inputTopic(), JobOption.INPUT_TOPIC);
        checkUse(uses, Optional.of(outputTopic()), JobOption.OUTPUT_TOPIC);
        checkUse(uses, deadLetterTopic(), JobOption.DEAD_LETTER_TOPIC);
        checkUse(uses, sessionTopic(), JobOption.SESSION_TOPIC);
    }

    private void checkEventTime() {
        boolean aligned = !watermarkAlignment().isZero();
        boolean advances = !advanceWhenSilent().isZero();
        if (aligned && !idleTimeout().isZero()) {
            reader.problems.add(
                    label(JobOption.WATERMARK_ALIGNMENT)
                            + ": needs --idle-timeout 0: a partition that waits for the others"
                            + " would be taken for idle, and its events become late (FLINK-35886)");
        }
        if (aligned && advances) {
            reader.problems.add(
                    label(JobOption.ADVANCE_WHEN_SILENT)
                            + ": not together with --watermark-alignment, under which a task waits"
                            + " while there is input left; give one of them");
        }
        if (advances && idleTimeout().isZero()) {
            reader.problems.add(
                    label(JobOption.ADVANCE_WHEN_SILENT)
                            + ": not with --idle-timeout 0, with which a partition that never had"
                            + " an event holds event time back all the same");
        }
    }

    private void checkUse(Map<String, JobOption> uses, Optional<String> topic, JobOption option) {
        JobOption other = topic.isPresent() ? uses.putIfAbsent(topic.get(), option) : null;
        if (other != null) {
            reader.problems.add(
                    label(option)
                            + ": '"
                            + topic.get()
                            + "' is the "
                            + other.optionName()
                            + " already; name another topic");
        }
    }

    private String label(JobOption option) {
        OptionReader.Setting setting = reader.settings.get(option);
        return setting == null ? "--" + option.optionName() : setting.label;
    }

    public Command command() {
        return command;
    }

    public String bootstrapServers() {
        return (String) values.get(JobOption.BOOTSTRAP_SERVERS);
    }

    public String inputTopic() {
        return (String) values.get(JobOption.INPUT_TOPIC);
    }

    public String outputTopic() {
        return (String) values.get(JobOption.OUTPUT_TOPIC);
    }

    /** Empty where dead letters are only counted and logged. */
    public Optional<String> deadLetterTopic() {
        return topic(JobOption.DEAD_LETTER_TOPIC, inputTopic() + ".dlq");
    }

    /** Empty where no close records are wanted. */
    public Optional<String> sessionTopic() {
        return topic(JobOption.SESSION_TOPIC, OptionType.NO_TOPIC);
    }

    private Optional<String> topic(JobOption option, String otherwise) {
        String topic = (String) values.getOrDefault(option, otherwise);
        return OptionType.NO_TOPIC.equals(topic) ? Optional.empty() : Optional.of(topic);
    }

    public String groupId() {
        return (String) values.get(JobOption.GROUP_ID);
    }

    /** {@code committed}, {@code earliest}, {@code latest} or {@code timestamp:<ms>}. */
    public String start() {
        return (String) values.get(JobOption.START);
    }

    public Duration partitionDiscovery() {
        return (Duration) values.get(JobOption.PARTITION_DISCOVERY);
    }

    public Duration outOfOrderness() {
        return (Duration) values.get(JobOption.OUT_OF_ORDERNESS);
    }

    /** Whether a key's events are labelled in order of event time, not of arrival. */
    public boolean ordered() {
        return "event-time".equals(values.get(JobOption.ORDER));
    }

    /** Zero: a silent partition holds the watermark back for ever. */
    public Duration idleTimeout() {
        return (Duration) values.get(JobOption.IDLE_TIMEOUT);
    }

    /** Zero: event time stands still while the whole input is silent. */
    public Duration advanceWhenSilent() {
        return (Duration) values.get(JobOption.ADVANCE_WHEN_SILENT);
    }

    /** The largest drift between partitions in event time; zero: any. */
    public Duration watermarkAlignment() {
        return (Duration) values.get(JobOption.WATERMARK_ALIGNMENT);
    }

    public Duration allowedLateness() {
        return (Duration) values.get(JobOption.ALLOWED_LATENESS);
    }

    public Duration maxFuture() {
        return (Duration) values.get(JobOption.MAX_FUTURE);
    }

    /** 0: every event time of the past is taken. */
    public long minEventTimeMs() {
        return (Long) values.get(JobOption.MIN_EVENT_TIME);
    }

    public int maxRecordSize() {
        return (Integer) values.get(JobOption.MAX_RECORD_SIZE);
    }

    /** The text of the rules file, unread; empty for the built-in rules. */
    public String rulesText() {
        return rulesText;
    }

    public boolean exactlyOnce() {
        return "exactly-once".equals(values.get(JobOption.DELIVERY));
    }

    public String transactionalIdPrefix() {
        return (String)
                values.getOrDefault(
                        JobOption.TRANSACTIONAL_ID_PREFIX,
                        jobName() + "-" + groupId() + "-" + outputTopic());
    }

    public Duration transactionTimeout() {
        return (Duration) values.get(JobOption.TRANSACTION_TIMEOUT);
    }

    /** For use where the cluster's configuration sets none. */
    public Duration checkpointInterval() {
        return (Duration) values.get(JobOption.CHECKPOINT_INTERVAL);
    }

    /** Entries per subtask; 0: no cache. */
    public int stateCache() {
        return (Integer) values.get(JobOption.STATE_CACHE);
    }

    /** Null: the JVM's own folder for short-lived files. */
    public String nativeTmp() {
        return (String) values.get(JobOption.NATIVE_TMP);
    }

    public String logFilter() {
        return (String) values.get(JobOption.LOG_FILTER);
    }

    public boolean preflight() {
        return "on".equals(values.get(JobOption.PREFLIGHT));
    }

    public String jobName() {
        return (String) values.get(JobOption.JOB_NAME);
    }

    public CoreOptions toCoreOptions() {
        return new CoreOptions()
                .allowedLatenessMs(allowedLateness().toMillis())
                .maxFutureMs(maxFuture().toMillis())
                .minEventTimeMs(minEventTimeMs())
                .maxRecordSize(maxRecordSize())
                .closeRecords(sessionTopic().isPresent())
                .ordered(ordered())
                .logFilter(logFilter())
                .rules(rulesText());
    }

    /** The pass-through properties of {@code kafka.}, then those of the given prefix over them. */
    Properties passThrough(String prefix) {
        Properties properties = new Properties();
        for (String each : new String[] {"kafka.", prefix}) {
            reader.passThrough.forEach(
                    (name, setting) -> {
                        if (name.startsWith(each)) {
                            properties.setProperty(name.substring(each.length()), setting.text);
                        }
                    });
        }
        return properties;
    }

    /** That text, with every secret's value hidden. */
    public String masked(String text) {
        String masked = text;
        for (Map.Entry<String, OptionReader.Setting> each : reader.passThrough.entrySet()) {
            String value = each.getValue().text;
            if (OptionReader.isSecret(each.getKey()) && !value.isEmpty()) {
                masked = masked.replace(value, MASK);
            }
        }
        return masked;
    }

    /** Every option in force, in the form of a config file. */
    public String describe() {
        List<String> lines = new ArrayList<>();
        for (JobOption option : JobOption.values()) {
            if (option.group == JobOption.Group.COMMANDS) {
                continue;
            }
            OptionReader.Setting setting = reader.settings.get(option);
            if (setting != null) {
                lines.add("# from " + setting.origin);
                lines.add(property(option.optionName(), setting.text));
            } else if (madeFromOthers(option) != null) {
                lines.add(property(option.optionName(), madeFromOthers(option)));
            } else if (option.defaultText != null) {
                lines.add(property(option.optionName(), option.defaultText));
            } else {
                lines.add("# " + option.optionName() + ": " + option.shownDefault);
            }
        }
        reader.passThrough.forEach(
                (name, setting) -> {
                    lines.add("# from " + setting.origin);
                    lines.add(property(name, OptionReader.isSecret(name) ? MASK : setting.text));
                });
        return masked(String.join("\n", lines)) + "\n";
    }

    private String madeFromOthers(JobOption option) {
        switch (option) {
            case DEAD_LETTER_TOPIC:
                return deadLetterTopic().orElse(OptionType.NO_TOPIC);
            case TRANSACTIONAL_ID_PREFIX:
                return transactionalIdPrefix();
            default:
                return null;
        }
    }

    private static String property(String name, String value) {
        String escaped =
                value.replace("\\", "\\\\")
                        .replace("\n", "\\n")
                        .replace("\r", "\\r")
                        .replace("\t", "\\t");
        return name + "=" + (escaped.startsWith(" ") ? "\\" : "") + escaped;
    }

    /** A duration as the options write it. */
    static String text(Duration duration) {
        long millis = duration.toMillis();
        return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
    }
}
