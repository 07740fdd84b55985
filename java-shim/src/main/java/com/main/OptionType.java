package com.main;

import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the text of an option becomes a value. {@link #parse} throws an IllegalArgumentException
 * whose text ends the sentence "'x' is not ...".
 */
interface OptionType {
    Object parse(String text);

    /** What a topic option says for "no such topic". */
    String NO_TOPIC = "none";

    /** Before the milliseconds in {@code start}. */
    String TIMESTAMP = "timestamp:";

    OptionType TEXT =
            text -> {
                require(!text.trim().isEmpty(), "a value: it is empty");
                return text;
            };

    OptionType TOPIC =
            text -> {
                require(
                        text.matches("[a-zA-Z0-9._-]{1,249}") && !text.matches("\\.\\.?"),
                        "a topic name (1 to 249 of a-z A-Z 0-9 . _ -)");
                return text;
            };

    OptionType DURATION = OptionType::duration;

    OptionType POSITIVE_DURATION =
            text -> {
                Duration duration = duration(text);
                require(!duration.isZero(), "a duration above 0");
                return duration;
            };

    /** The brokers are asked ten times in that long. */
    OptionType SILENCE =
            text -> {
                Duration duration = duration(text);
                require(
                        duration.isZero() || duration.compareTo(Duration.ofSeconds(1)) >= 0,
                        "0 or a duration of at least 1s");
                return duration;
            };

    OptionType SIZE = OptionType::size;

    OptionType COUNT =
            text -> {
                require(text.matches("\\d{1,8}"), "a whole number from 0 to 99999999");
                return Integer.parseInt(text);
            };

    OptionType EVENT_TIME = OptionType::eventTime;

    OptionType START =
            text -> {
                require(
                        text.matches("committed|earliest|latest|" + TIMESTAMP + "\\d{1,18}"),
                        "committed, earliest, latest or timestamp:<ms>");
                return text;
            };

    /** As in RUST_LOG, where a misspelt level is taken for a target and silences all else. */
    OptionType LOG_FILTER =
            text -> {
                String directive = "([\\w:]+=)?(off|error|warn|info|debug|trace)";
                require(
                        text.matches(directive + "(," + directive + ")*"),
                        "off, error, warn, info, debug or trace, or such levels by target"
                                + " (info,wire::core=debug)");
                return text;
            };

    /** A path of another machine, so that it cannot be looked at here. */
    OptionType REMOTE_FOLDER =
            text -> {
                path(text);
                return text;
            };

    OptionType FILE =
            text -> {
                Path file = path(text);
                require(
                        Files.isRegularFile(file) && Files.isReadable(file),
                        "a file that can be read here");
                return file;
            };

    /** Present or not; takes no value. */
    OptionType FLAG = text -> true;

    static OptionType choice(String... choices) {
        return text -> {
            require(Arrays.asList(choices).contains(text), String.join(" or ", choices));
            return text;
        };
    }

    static Duration duration(String text) {
        String wanted = "a duration with its unit (500ms, 30s, 10m, 3h, 2d; 0 needs none)";
        Matcher parts = Pattern.compile("(\\d{1,15})(ms|s|m|h|d|)").matcher(text);
        require(parts.matches(), wanted);
        long number = Long.parseLong(parts.group(1));
        switch (parts.group(2)) {
            case "ms":
                return bounded(number, Duration.ofMillis(1));
            case "s":
                return bounded(number, Duration.ofSeconds(1));
            case "m":
                return bounded(number, Duration.ofMinutes(1));
            case "h":
                return bounded(number, Duration.ofHours(1));
            case "d":
                return bounded(number, Duration.ofDays(1));
            default:
                require(number == 0, wanted);
                return Duration.ZERO;
        }
    }

    /** At most 10000 days: beyond any use, and sums with event times never overflow. */
    static Duration bounded(long number, Duration unit) {
        require(
                number <= Duration.ofDays(10_000).toMillis() / unit.toMillis(),
                "a duration of at most 10000d");
        return unit.multipliedBy(number);
    }

    static Integer size(String text) {
        String wanted = "a size with its unit from 1kb to 64mb (900kb, 1mb; 1 kb = 1024 bytes)";
        Matcher parts =
                Pattern.compile("(\\d{1,9}(?:\\.\\d{1,3})?)(b|kb|mb)")
                        .matcher(text.toLowerCase(Locale.ROOT));
        require(parts.matches(), wanted);
        int unit = "b".equals(parts.group(2)) ? 1 : "kb".equals(parts.group(2)) ? 1 << 10 : 1 << 20;
        long bytes = new BigDecimal(parts.group(1)).multiply(BigDecimal.valueOf(unit)).longValue();
        require(bytes >= 1 << 10 && bytes <= 64 << 20, wanted);
        return (int) bytes;
    }

    static Long eventTime(String text) {
        String wanted =
                "a date (2000-01-01), a date-time with its offset (2000-01-01T00:00:00+09:00)"
                        + " or milliseconds since 1970 (0 = off)";
        if (text.matches("\\d{1,15}")) {
            return Long.parseLong(text);
        }
        long millis = -1;
        try {
            millis =
                    text.indexOf('T') < 0
                            ? LocalDate.parse(text)
                                    .atStartOfDay(ZoneOffset.UTC)
                                    .toInstant()
                                    .toEpochMilli()
                            : OffsetDateTime.parse(text).toInstant().toEpochMilli();
        } catch (DateTimeException | ArithmeticException e) {
            require(false, wanted);
        }
        require(millis >= 0, wanted);
        return millis;
    }

    static Path path(String text) {
        try {
            require(!text.isEmpty(), "a path: it is empty");
            return Paths.get(text);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("a path");
        }
    }

    static void require(boolean holds, String wanted) {
        if (!holds) {
            throw new IllegalArgumentException(wanted);
        }
    }
}
