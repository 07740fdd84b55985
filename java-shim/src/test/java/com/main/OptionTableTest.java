package com.main;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Keeps the docs' tables of options in step with {@link JobOption}.
 *
 * <p>{@code mvn test -Dtest=OptionTableTest -Doptions.write=true} writes docs/options.md anew.
 */
class OptionTableTest {
    private static final Path TABLE = Paths.get("docs", "options.md");
    private static final Pattern NAME = Pattern.compile("`--([a-z-]+)(?: [A-Z]+)?`");
    private static final Pattern CODE = Pattern.compile("`([^`]*)`");

    @Test
    void docsOptions_areGeneratedFromTheCode() throws IOException {
        if (Boolean.getBoolean("options.write")) {
            Files.write(TABLE, table().getBytes(UTF_8));
        }
        assertThat(read(TABLE))
                .as("write it anew: mvn test -Dtest=OptionTableTest -Doptions.write=true")
                .isEqualTo(table());
    }

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "README.ko.md"})
    void optionsOfAReadme_existWithTheirDefaults(String file) throws IOException {
        Map<String, String> rows = optionRows(read(Paths.get(file)));

        assertThat(rows).hasSizeGreaterThan(15);
        rows.forEach(
                (name, shown) -> {
                    JobOption option = JobOption.of(name);
                    assertThat(option).as("--%s", name).isNotNull();
                    if (!option.isFlag() && !shown.isEmpty()) {
                        assertThat(shown).as("--%s", name).isEqualTo(option.shownDefault);
                    }
                });
    }

    /** The options of the tables whose second column holds defaults: name to default. */
    private static Map<String, String> optionRows(String text) {
        Map<String, String> rows = new LinkedHashMap<>();
        for (String line : text.split("\n")) {
            if (!line.startsWith("| `--")) {
                continue;
            }
            String[] cells = line.split("\\|", -1);
            List<String> names = all(NAME, cells[1]);
            List<String> defaults = all(CODE, cells[2]);
            for (int i = 0; i < names.size(); i++) {
                rows.put(names.get(i), i < defaults.size() ? defaults.get(i) : "");
            }
        }
        return rows;
    }

    private static List<String> all(Pattern pattern, String cell) {
        List<String> found = new ArrayList<>();
        for (Matcher matcher = pattern.matcher(cell); matcher.find(); ) {
            found.add(matcher.group(1));
        }
        return found;
    }

    private static String table() {
        StringBuilder text = new StringBuilder();
        text.append("# Options\n\n")
                .append("Every option of the job. This page is generated from")
                .append(" `java-shim/src/main/java/com/main/JobOption.java`,\n")
                .append("and a test compares the two. How options are given is said in the")
                .append(" [README](../README.md#options).\n");
        for (JobOption.Group group : JobOption.Group.values()) {
            text.append("\n## ").append(group.heading).append("\n\n");
            text.append("| option | value | default | in the environment | meaning |\n");
            text.append("|---|---|---|---|---|\n");
            Arrays.stream(JobOption.values())
                    .filter(option -> option.group == group)
                    .map(OptionTableTest::row)
                    .forEach(text::append);
        }
        return text.toString();
    }

    private static String row(JobOption option) {
        List<String> cells =
                Arrays.asList(
                        code("--" + option.optionName()),
                        code(option.label),
                        option.shownDefault == null || option.defaultText != null
                                ? code(option.shownDefault)
                                : option.shownDefault.replace("<", "&lt;"),
                        option.group == JobOption.Group.COMMANDS && option != JobOption.CONFIG
                                ? ""
                                : code(option.environmentName()),
                        option.meaning.replace("|", "\\|").replace("<", "&lt;"));
        return cells.stream().collect(Collectors.joining(" | ", "| ", " |\n"));
    }

    private static String code(String text) {
        return text == null ? "" : "`" + text.replace("|", "\\|") + "`";
    }

    private static String read(Path file) throws IOException {
        return new String(Files.readAllBytes(file), UTF_8);
    }
}
