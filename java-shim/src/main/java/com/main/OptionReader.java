package com.main;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParseResult;

/**
 * What the user set, and where: the command line wins over the environment, that over the config
 * file. It collects what is wrong instead of stopping at it, and no text of it holds the value of a
 * pass-through property or of an unknown name: either may be a secret.
 */
final class OptionReader {
    private static final Pattern PASS_THROUGH = Pattern.compile("(source|sink|kafka)\\..+");
    private static final Pattern NAME_AND_VALUE = Pattern.compile("(?s)([^=]*)(=.*)?");

    /**
     * What picocli gives an option at the end of the line or before another option. Were the value
     * required there, picocli would swallow the other option, and the user not hear of its errors.
     */
    private static final String NO_VALUE = "\u0000";

    /** One value in force. */
    static final class Setting {
        final String text;

        /** How the user knows the option at that place, for errors. */
        final String label;

        /** The place, for print-config. */
        final String origin;

        Setting(String text, String label, String origin) {
            this.text = text;
            this.label = label;
            this.origin = origin;
        }
    }

    final List<String> problems = new ArrayList<>();
    final Map<JobOption, Setting> settings = new EnumMap<>(JobOption.class);
    final SortedMap<String, Setting> passThrough = new TreeMap<>();

    /** Secrets hide in every output, and stay off the command line, which Flink logs. */
    static boolean isSecret(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.contains("password")
                || lower.contains("secret")
                || lower.contains("jaas")
                || lower.contains("token")
                || lower.contains("credential")
                || lower.endsWith(".key");
    }

    static String help() {
        CommandSpec spec = groupedSpec();
        spec.usageMessage()
                .sortOptions(false)
                .width(80)
                .autoWidth(false)
                .customSynopsis("flink run -d [-D FLINK_KEY=VALUE] JAR [OPTION]...")
                .description(
                        "",
                        "Gives every event of the input topic its session and writes it to the"
                                + " output topic. Without any option it reads log-before and"
                                + " writes log-after at localhost:9092.",
                        "",
                        "An option is written --name VALUE or --name=VALUE, name=VALUE in a config"
                                + " file, and "
                                + JobOption.INPUT_TOPIC.environmentName()
                                + "=VALUE in the environment (here for --input-topic). The command"
                                + " line wins over the environment, that over the file. Commands"
                                + " stand on the command line only, --config also in the"
                                + " environment. Durations: 500ms, 30s, 10m, 3h, 2d. Sizes: 900kb,"
                                + " 1mb; 1 kb = 1024 bytes.")
                .footer(
                        "",
                        "Kafka clients' own properties, in the file or on the command line:",
                        "  --source.<property>=VALUE   for the consumer",
                        "  --sink.<property>=VALUE     for the producers",
                        "  --kafka.<property>=VALUE    for all of them, and for the look-up of"
                                + " topics",
                        "Passwords and other secrets stand in the config file only: Flink logs the"
                                + " command line.");
        return new CommandLine(spec).getUsageMessage(Ansi.OFF);
    }

    boolean has(JobOption option) {
        return settings.containsKey(option);
    }

    void readCommandLine(String[] args) {
        CommandSpec spec = commandSpec();
        for (String arg : new TreeSet<>(Arrays.asList(args))) {
            String name = nameIn(arg);
            if (name.startsWith("--")
                    && PASS_THROUGH.matcher(name.substring(2)).matches()
                    && spec.findOption(name) == null) {
                spec.addOption(valued(OptionSpec.builder(name), "0..1").build());
            }
        }
        CommandLine commandLine =
                new CommandLine(spec)
                        .setExpandAtFiles(false)
                        .setUnmatchedArgumentsAllowed(true)
                        .setAllowOptionsAsOptionParameters(false)
                        .setUnmatchedOptionsAllowedAsOptionParameters(false);
        spec.parser().collectErrors(true);
        ParseResult result = commandLine.parseArgs(args);

        for (OptionSpec matched : result.matchedOptions()) {
            String name = matched.longestName();
            String text = matched.arity().max() == 0 ? "true" : matched.getValue();
            if (NO_VALUE.equals(text)) {
                problems.add(needsValue(name));
            } else if (text.startsWith("--") && Arrays.asList(args).contains(text)) {
                // Picocli takes an unknown option for the value.
                problems.add(needsValue(name));
                unmatched(Collections.singletonList(text));
            } else {
                put(name.substring(2), new Setting(text, name, "the command line"), true);
            }
        }
        for (Exception problem : result.errors()) {
            problems.add(commandLineProblem(problem));
        }
        unmatched(result.unmatched());
    }

    private static String commandLineProblem(Exception problem) {
        // Picocli's own texts repeat the argument, which may be a secret's value.
        if (problem instanceof OverwrittenOptionException) {
            ArgSpec twice = ((OverwrittenOptionException) problem).getOverwritten();
            return ((OptionSpec) twice).longestName() + ": given more than once; give it once";
        }
        StringBuilder flags = new StringBuilder();
        for (JobOption option : JobOption.values()) {
            flags.append(option.isFlag() ? " --" + option.optionName() : "");
        }
        return "a flag stands with a value; these take none:" + flags;
    }

    private static String needsValue(String name) {
        return name + ": needs a value (write " + name + "=VALUE)";
    }

    /** Says what no option took; the argument behind an unknown option is that one's value. */
    private void unmatched(List<String> arguments) {
        int alone = 0;
        boolean afterName = false;
        for (String argument : arguments) {
            String name = nameIn(argument);
            if (name.startsWith("-D")) {
                problems.add(
                        name
                                + ": a setting of Flink; put -D before the jar (flink run"
                                + " -Dkey=value JAR ...)");
            } else if (name.startsWith("-")) {
                unknown(name, name.replaceFirst("^-+", ""), "--");
                afterName = name.equals(argument);
                continue;
            } else if (!afterName) {
                alone++;
            }
            afterName = false;
        }
        if (alone > 0) {
            problems.add(
                    alone
                            + (alone == 1 ? " argument stands" : " arguments stand")
                            + " alone: every option begins with --, and a value with blanks needs"
                            + " quotes");
        }
    }

    void readEnvironment(Map<String, String> environment) {
        for (Map.Entry<String, String> variable : new TreeMap<>(environment).entrySet()) {
            String name = variable.getKey();
            if (!name.startsWith(JobOption.ENVIRONMENT_PREFIX)) {
                continue;
            }
            String optionName =
                    name.substring(JobOption.ENVIRONMENT_PREFIX.length())
                            .toLowerCase(Locale.ROOT)
                            .replace('_', '-');
            JobOption option = JobOption.of(optionName);
            if (PASS_THROUGH.matcher(optionName.replace('-', '.')).matches() && option == null) {
                problems.add(name + ": properties of Kafka's clients go into the --config file");
            } else if (option == null || !option.environmentName().equals(name)) {
                unknown(name, optionName, JobOption.ENVIRONMENT_PREFIX);
            } else if (option.group == JobOption.Group.COMMANDS && option != JobOption.CONFIG) {
                problems.add(name + ": works on the command line only");
            } else {
                put(optionName, new Setting(variable.getValue(), name, "the environment"), false);
            }
        }
    }

    void readFile(Path file) {
        Properties properties =
                new Properties() {
                    private static final long serialVersionUID = 1L;

                    @Override
                    public synchronized Object put(Object name, Object value) {
                        if (containsKey(name)) {
                            problems.add(inFile(name, file) + ": given more than once");
                        }
                        return super.put(name, value);
                    }
                };
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (IOException | IllegalArgumentException e) {
            problems.add("--config " + file + ": no properties file in UTF-8");
            return;
        }
        for (String name : new TreeSet<>(properties.stringPropertyNames())) {
            JobOption option = JobOption.of(name);
            String label = inFile(name, file);
            if (option == null && !PASS_THROUGH.matcher(name).matches()) {
                unknown(label, name, "");
            } else if (option != null && option.group == JobOption.Group.COMMANDS) {
                problems.add(label + ": not in a config file, only on the command line");
            } else {
                put(
                        name,
                        new Setting(properties.getProperty(name).trim(), label, "" + file),
                        false);
            }
        }
    }

    private static String inFile(Object name, Path file) {
        return name + " in " + file;
    }

    private void put(String name, Setting setting, boolean seenByFlink) {
        JobOption option = JobOption.of(name);
        if (option != null) {
            settings.putIfAbsent(option, setting);
        } else if (seenByFlink && isSecret(name)) {
            problems.add(secretOnCommandLine(setting.label));
        } else {
            passThrough.putIfAbsent(name, setting);
        }
    }

    private void unknown(String label, String name, String prefix) {
        if ("--".equals(prefix) && isSecret(name)) {
            problems.add(secretOnCommandLine(label));
            return;
        }
        JobOption nearest = JobOption.nearest(name.replace('_', '-'));
        problems.add(
                label
                        + ": unknown; the nearest is "
                        + (prefix.equals(JobOption.ENVIRONMENT_PREFIX)
                                ? nearest.environmentName()
                                : prefix + nearest.optionName()));
    }

    private static String secretOnCommandLine(String label) {
        return label
                + ": a secret, and Flink logs the command line; put it into the --config file, as"
                + " kafka.<property>, source.<property> or sink.<property>";
    }

    private static String nameIn(String argument) {
        Matcher parts = NAME_AND_VALUE.matcher(argument);
        return parts.matches() ? parts.group(1) : argument;
    }

    private static CommandSpec commandSpec() {
        CommandSpec spec = CommandSpec.create();
        for (JobOption option : JobOption.values()) {
            spec.addOption(optionSpec(option, "0..1"));
        }
        return spec;
    }

    /** The same options under headings: picocli takes a group's option twice without a word. */
    private static CommandSpec groupedSpec() {
        CommandSpec spec = CommandSpec.create();
        for (JobOption.Group group : JobOption.Group.values()) {
            ArgGroupSpec.Builder heading =
                    ArgGroupSpec.builder()
                            .validate(false)
                            .heading("%n" + group.heading + ":%n")
                            .order(group.ordinal());
            for (JobOption option : JobOption.values()) {
                if (option.group == group) {
                    heading.addArg(optionSpec(option, "1"));
                }
            }
            spec.addArgGroup(heading.build());
        }
        return spec;
    }

    private static OptionSpec optionSpec(JobOption option, String arity) {
        OptionSpec.Builder spec =
                OptionSpec.builder("--" + option.optionName()).order(option.ordinal());
        if (option.isFlag()) {
            return spec.type(boolean.class).arity("0").description(option.meaning).build();
        }
        return valued(spec, arity)
                .paramLabel(option.label)
                .description(option.meaning, "default: " + option.shownDefault)
                .build();
    }

    private static OptionSpec.Builder valued(OptionSpec.Builder spec, String arity) {
        return spec.type(String.class).arity(arity).fallbackValue(NO_VALUE);
    }
}
