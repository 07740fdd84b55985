package com.main;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JobOptionsTest {
    private static final String SECRET = "hunter2-of-the-test";

    private final Map<String, String> environment = new HashMap<>();

    @TempDir Path folder;

    @Test
    void defaults_withoutArguments() {
        JobOptions options = parse();

        assertThat(options.command()).isEqualTo(JobOptions.Command.SUBMIT);
        assertThat(options.bootstrapServers()).isEqualTo("localhost:9092");
        assertThat(options.inputTopic()).isEqualTo("log-before");
        assertThat(options.outputTopic()).isEqualTo("log-after");
        assertThat(options.deadLetterTopic()).contains("log-before.dlq");
        assertThat(options.sessionTopic()).isEmpty();
        assertThat(options.groupId()).isEqualTo("flink-session-consumer");
        assertThat(options.start()).isEqualTo("committed");
        assertThat(options.partitionDiscovery()).isEqualTo(Duration.ofSeconds(60));
        assertThat(options.outOfOrderness()).isEqualTo(Duration.ofSeconds(5));
        assertThat(options.idleTimeout()).isEqualTo(Duration.ofSeconds(60));
        assertThat(options.advanceWhenSilent()).isZero();
        assertThat(options.watermarkAlignment()).isZero();
        assertThat(options.allowedLateness()).isEqualTo(Duration.ofMinutes(10));
        assertThat(options.maxFuture()).isEqualTo(Duration.ofMinutes(10));
        assertThat(options.minEventTimeMs()).isEqualTo(946_684_800_000L);
        assertThat(options.maxRecordSize()).isEqualTo(921_600);
        assertThat(options.rulesText()).isEmpty();
        assertThat(options.exactlyOnce()).isFalse();
        assertThat(options.transactionalIdPrefix())
                .isEqualTo("mobile-pc-session-flink-session-consumer-log-after");
        assertThat(options.transactionTimeout()).isEqualTo(Duration.ofMinutes(14));
        assertThat(options.checkpointInterval()).isEqualTo(Duration.ofSeconds(30));
        assertThat(options.stateCache()).isEqualTo(131_072);
        assertThat(options.nativeTmp()).isNull();
        assertThat(options.logFilter()).isEqualTo("info");
        assertThat(options.preflight()).isTrue();
        assertThat(options.jobName()).isEqualTo("mobile-pc-session");
    }

    @Test
    void everyOption_takesItsValue() throws IOException {
        Path rules = write("rules", "한국어\n");
        JobOptions options =
                parse(
                        "--bootstrap-servers=a:1,b:2",
                        "--input-topic",
                        "in",
                        "--output-topic=out",
                        "--dead-letter-topic=none",
                        "--session-topic=closed",
                        "--group-id=g",
                        "--start=timestamp:1700000000000",
                        "--partition-discovery=500ms",
                        "--out-of-orderness=0",
                        "--idle-timeout=0",
                        "--watermark-alignment=30s",
                        "--allowed-lateness=2d",
                        "--max-future=3h",
                        "--min-event-time=0",
                        "--max-record-size=1mb",
                        "--rules=" + rules,
                        "--delivery=exactly-once",
                        "--transactional-id-prefix=t",
                        "--transaction-timeout=1h",
                        "--checkpoint-interval=10m",
                        "--state-cache=0",
                        "--native-tmp=/native",
                        "--log-filter=warn,wire::core=debug",
                        "--preflight=off",
                        "--job-name=a b",
                        "--dry-run");

        assertThat(options.command()).isEqualTo(JobOptions.Command.DRY_RUN);
        assertThat(options.bootstrapServers()).isEqualTo("a:1,b:2");
        assertThat(options.inputTopic()).isEqualTo("in");
        assertThat(options.outputTopic()).isEqualTo("out");
        assertThat(options.deadLetterTopic()).isEmpty();
        assertThat(options.sessionTopic()).contains("closed");
        assertThat(options.groupId()).isEqualTo("g");
        assertThat(options.start()).isEqualTo("timestamp:1700000000000");
        assertThat(options.partitionDiscovery()).isEqualTo(Duration.ofMillis(500));
        assertThat(options.outOfOrderness()).isZero();
        assertThat(options.idleTimeout()).isZero();
        assertThat(options.watermarkAlignment()).isEqualTo(Duration.ofSeconds(30));
        assertThat(options.allowedLateness()).isEqualTo(Duration.ofDays(2));
        assertThat(options.maxFuture()).isEqualTo(Duration.ofHours(3));
        assertThat(options.minEventTimeMs()).isZero();
        assertThat(options.maxRecordSize()).isEqualTo(1 << 20);
        assertThat(options.rulesText()).isEqualTo("한국어\n");
        assertThat(options.exactlyOnce()).isTrue();
        assertThat(options.transactionalIdPrefix()).isEqualTo("t");
        assertThat(options.transactionTimeout()).isEqualTo(Duration.ofHours(1));
        assertThat(options.checkpointInterval()).isEqualTo(Duration.ofMinutes(10));
        assertThat(options.stateCache()).isZero();
        assertThat(options.nativeTmp()).isEqualTo("/native");
        assertThat(options.logFilter()).isEqualTo("warn,wire::core=debug");
        assertThat(options.preflight()).isFalse();
        assertThat(options.jobName()).isEqualTo("a b");
    }

    @ParameterizedTest
    @CsvSource({
        "2000-01-01, 946684800000",
        "2000-01-01T09:00:00+09:00, 946684800000",
        "2000-01-01T00:00:00Z, 946684800000",
        "946684800000, 946684800000",
        "1970-01-01, 0"
    })
    void minEventTime_takesDateDateTimeAndMilliseconds(String text, long ms) {
        assertThat(parse("--min-event-time", text).minEventTimeMs()).isEqualTo(ms);
    }

    @ParameterizedTest
    @CsvSource({
        "--idle-timeout, 30",
        "--idle-timeout, 30 s",
        "--idle-timeout, -1s",
        "--idle-timeout, 1.5s",
        "--idle-timeout, 99999999999999d",
        "--partition-discovery, 0",
        "--checkpoint-interval, 0",
        "--state-cache, -1",
        "--state-cache, 100mb",
        "--state-cache, 100000000",
        "--max-record-size, 900",
        "--max-record-size, 1023b",
        "--max-record-size, 65mb",
        "--max-record-size, 1gb",
        "--min-event-time, 2000-01-01T00:00:00",
        "--min-event-time, 1969-12-31",
        "--min-event-time, 2000-02-30",
        "--min-event-time, -5",
        "--start, timestamp:",
        "--start, timestamp:x",
        "--start, beginning",
        "--delivery, at-most-once",
        "--log-filter, WARN",
        "--log-filter, wire",
        "--log-filter, wire=",
        "--preflight, yes",
        "--input-topic, a b",
        "--input-topic, ..",
        "--rules, /no/such/file",
        "--config, /no/such/file"
    })
    void malformedValue_isRefusedWithItsName(String name, String value) {
        assertThat(problems(name, value)).hasSize(1);
        assertThat(problems(name, value)[0]).startsWith(name + ": '" + value + "' is not ");
    }

    @Test
    void emptyValue_isRefused() {
        assertThat(problems("--job-name=", "--group-id=", "--native-tmp=")).hasSize(3);
    }

    @Test
    void everyProblem_isToldAtOnce() {
        environment.put("SESSION_JOB_INPUT_TOPICS", "a");
        environment.put("SESSION_JOB_SOURCE_FETCH_MIN_BYTES", "1");
        environment.put("SESSION_JOB_HELP", "true");
        assertThat(
                        problems(
                                "--inputtopic=2",
                                "-Dexecution.x=1",
                                "--group-id",
                                "--idle-timeout",
                                "30",
                                "stray",
                                "--sink.acks=1",
                                "--output-topic=log-before",
                                "--dry-run=1",
                                "--job-name=a",
                                "--job-name=b",
                                "--print-config",
                                "--print-rules",
                                "--native-tmp",
                                "--bogus"))
                .satisfiesExactlyInAnyOrder(
                        line -> assertThat(line).contains("--inputtopic", "--input-topic"),
                        line -> assertThat(line).contains("-Dexecution.x: ", "before the jar"),
                        line -> assertThat(line).contains("--group-id: needs a value"),
                        line -> assertThat(line).contains("--idle-timeout: '30'"),
                        line -> assertThat(line).contains("1 argument stands alone"),
                        line -> assertThat(line).contains("--sink.acks: "),
                        line -> assertThat(line).contains("--output-topic: 'log-before'"),
                        line -> assertThat(line).contains("take none").contains("--dry-run"),
                        line -> assertThat(line).contains("--job-name: given more than once"),
                        line -> assertThat(line).contains("--print-config and --print-rules"),
                        line -> assertThat(line).contains("--native-tmp: needs a value"),
                        line -> assertThat(line).contains("--bogus: unknown"),
                        line ->
                                assertThat(line)
                                        .contains("SESSION_JOB_INPUT_TOPICS")
                                        .endsWith("the nearest is SESSION_JOB_INPUT_TOPIC"),
                        line -> assertThat(line).contains("SOURCE_FETCH_MIN_BYTES", "--config"),
                        line -> assertThat(line).contains("SESSION_JOB_HELP: ", "command line"));
    }

    @ParameterizedTest
    @CsvSource({
        "--inputtopic, --input-topic",
        "--input-topics, --input-topic",
        "--bootstrap-server, --bootstrap-servers",
        "--transaction-timeouts, --transaction-timeout",
        "--checkpoint-intervall, --checkpoint-interval",
        "-dry-run, --dry-run",
        "--group, --group-id"
    })
    void unknownName_comesWithTheNearest(String unknown, String nearest) {
        assertThat(problems(unknown, "value"))
                .containsExactly(unknown + ": unknown; the nearest is " + nearest);
    }

    @Test
    void eventTimeOptions_thatContradictEachOther() {
        assertThat(problems("--watermark-alignment=30s"))
                .singleElement()
                .asString()
                .startsWith("--watermark-alignment: needs --idle-timeout 0")
                .contains("FLINK-35886");
        assertThat(problems("--advance-when-silent=5m", "--idle-timeout=0"))
                .singleElement()
                .asString()
                .startsWith("--advance-when-silent: not with --idle-timeout 0");
        assertThat(problems("--advance-when-silent=5m", "--watermark-alignment=30s"))
                .satisfiesExactly(
                        line -> assertThat(line).startsWith("--watermark-alignment: needs"),
                        line -> assertThat(line).contains("not together with"));
        assertThat(problems("--advance-when-silent=999ms"))
                .containsExactly(
                        "--advance-when-silent: '999ms' is not 0 or a duration of at least 1s");
        assertThat(parse("--advance-when-silent=1s").advanceWhenSilent())
                .isEqualTo(Duration.ofSeconds(1));
    }

    @ParameterizedTest
    @CsvSource({"arrival, false", "event-time, true"})
    void order_reachesTheCore(String order, boolean ordered) {
        JobOptions options = JobOptions.parse(new String[] {"--order", order}, environment);
        assertThat(options.toCoreOptions().ordered()).isEqualTo(ordered);
    }

    @Test
    void commandLine_winsOverEnvironment_thatOverFile() throws IOException {
        Path file = write("job.properties", "input-topic=f\noutput-topic=f\nsession-topic = f2 \n");
        environment.put("SESSION_JOB_CONFIG", file.toString());
        environment.put("SESSION_JOB_INPUT_TOPIC", "e");
        environment.put("SESSION_JOB_OUTPUT_TOPIC", "e2");
        environment.put("SESSION", "of another program");

        JobOptions options = parse("--input-topic=c");

        assertThat(options.inputTopic()).isEqualTo("c");
        assertThat(options.outputTopic()).isEqualTo("e2");
        assertThat(options.sessionTopic()).contains("f2");
    }

    @Test
    void file_isReadStrictly() throws IOException {
        Path file =
                write(
                        "job.properties",
                        "input-topic=a\ninput-topic=b\ninputtopic=c\ndry-run=true\n"
                                + "idle-timeout=5\nsource.group.id=x\n");

        assertThat(problems("--config", file.toString()))
                .satisfiesExactlyInAnyOrder(
                        line ->
                                assertThat(line)
                                        .isEqualTo(
                                                at("input-topic", file) + "given more than once"),
                        line ->
                                assertThat(line)
                                        .startsWith(at("inputtopic", file) + "unknown")
                                        .endsWith(" input-topic"),
                        line -> assertThat(line).startsWith(at("dry-run", file)),
                        line ->
                                assertThat(line)
                                        .startsWith(at("idle-timeout", file) + "'5' is not"),
                        line ->
                                assertThat(line)
                                        .isEqualTo(at("source.group.id", file) + "use --group-id"));
    }

    private static String at(String name, Path file) {
        return name + " in " + file + ": ";
    }

    @Test
    void file_thatIsNoUtf8_isRefused() throws IOException {
        Path file = folder.resolve("latin");
        Files.write(file, "job-name=caf\u00e9".getBytes(StandardCharsets.ISO_8859_1));

        assertThat(problems("--config=" + file)[0]).endsWith("no properties file in UTF-8");
        assertThat(problems("--rules=" + file)[0]).endsWith("is not UTF-8 text");
    }

    @ParameterizedTest
    @CsvSource({
        "--output-topic=log-before",
        "--dead-letter-topic=log-before",
        "--dead-letter-topic=log-after",
        "--session-topic=log-before",
        "--session-topic=log-after",
        "--session-topic=log-before.dlq"
    })
    void topic_hasOneUse(String argument) {
        assertThat(problems(argument)).hasSize(1);
        assertThat(problems(argument)[0]).contains("already; name another topic");
    }

    @Test
    void checkpointInterval_isBelowTheTransactionTimeout_withExactlyOnceOnly() {
        String[] long14 = {"--checkpoint-interval=14m", "--transaction-timeout=14m"};

        assertThat(parse(long14).checkpointInterval()).isEqualTo(Duration.ofMinutes(14));
        assertThat(problems(long14[0], long14[1], "--delivery=exactly-once")[0])
                .startsWith("--checkpoint-interval 840s: below --transaction-timeout (840s)");
    }

    @ParameterizedTest
    @CsvSource({
        "source.group.id=x, --group-id",
        "kafka.group.id=x, --group-id",
        "source.auto.offset.reset=latest, --start",
        "source.enable.auto.commit=true, checkpoints",
        "source.key.deserializer=x, bytes",
        "source.value.deserializer=x, bytes",
        "source.bootstrap.servers=x, --bootstrap-servers",
        "sink.bootstrap.servers=x, --bootstrap-servers",
        "kafka.bootstrap.servers=x, --bootstrap-servers",
        "source.partition.discovery.interval.ms=1, --partition-discovery",
        "sink.transactional.id=x, --transactional-id-prefix",
        "kafka.transactional.id=x, --transactional-id-prefix",
        "sink.transaction.timeout.ms=1, --transaction-timeout",
        "sink.max.request.size=1, --max-record-size",
        "sink.key.serializer=x, bytes",
        "sink.acks=0, lose",
        "kafka.acks=1, lose",
        "sink.enable.idempotence=false, reorders"
    })
    void propertiesTheJobOwns_areRefusedWithTheReason(String property, String reason) {
        assertThat(problems("--" + property)).hasSize(1);
        assertThat(problems("--" + property)[0]).contains(reason);
    }

    @Test
    void passThrough_goesToItsClients() {
        JobOptions options =
                parse(
                        "--kafka.security.protocol=SSL",
                        "--kafka.fetch.min.bytes=1",
                        "--source.fetch.min.bytes",
                        "2",
                        "--sink.linger.ms=7",
                        "--sink.acks=all");
        KafkaSettings kafka = new KafkaSettings(options);

        assertThat(kafka.consumerProperties())
                .containsEntry("security.protocol", "SSL")
                .containsEntry("fetch.min.bytes", "2")
                .doesNotContainKey("linger.ms");
        assertThat(kafka.producerProperties())
                .containsEntry("security.protocol", "SSL")
                .containsEntry("linger.ms", "7");
        assertThat(kafka.adminProperties())
                .containsEntry("security.protocol", "SSL")
                .doesNotContainKey("linger.ms");
    }

    @ParameterizedTest
    @CsvSource({
        "kafka.sasl.jaas.config",
        "source.ssl.key.password",
        "sink.my.SECRET",
        "kafka.some.token",
        "kafka.a.credentials",
        "kafka.ssl.keystore.key",
        "sasl.password"
    })
    void secretOnTheCommandLine_isRefusedAndNotRepeated(String name) {
        String[][] ways = {{"--" + name + "=" + SECRET}, {"--" + name, SECRET}};
        for (String[] way : ways) {
            assertThat(problems(way)).hasSize(1);
            assertThat(problems(way)[0])
                    .startsWith("--" + name + ": a secret")
                    .contains("--config")
                    .doesNotContain(SECRET);
        }
    }

    @Test
    void values_ofUnknownNames_areNotRepeated() {
        String[][] ways = {
            {"--bogus", SECRET},
            {"--bogus=" + SECRET},
            {"-Dx.password=" + SECRET},
            {SECRET},
            {"--kafka.sasl.jaas.config", "x", SECRET},
            {"--dry-run=" + SECRET},
            {"--group-id", "--kafka.sasl.password=" + SECRET},
        };
        for (String[] way : ways) {
            assertThat(problems(way)).isNotEmpty();
            assertThat(String.join("\n", problems(way))).doesNotContain(SECRET);
        }
        environment.put("SESSION_JOB_PASSWORD", SECRET);
        assertThat(problems()).hasSize(1);
        assertThat(problems()[0])
                .startsWith("SESSION_JOB_PASSWORD: unknown")
                .doesNotContain(SECRET);
    }

    @Test
    void secretOfTheFile_reachesTheClientsAndNoText() throws IOException {
        Path file =
                write(
                        "job.properties",
                        "kafka.sasl.jaas.config="
                                + SECRET
                                + "\nsource.client.rack="
                                + SECRET
                                + "\n");
        JobOptions options = parse("--config=" + file, "--print-config");

        assertThat(new KafkaSettings(options).adminProperties())
                .containsEntry("sasl.jaas.config", SECRET);
        assertThat(options.describe())
                .contains("kafka.sasl.jaas.config=******")
                .doesNotContain(SECRET);
        assertThat(options.masked("broken: " + SECRET + "!")).isEqualTo("broken: ******!");
        assertThat(String.join("\n", problems("--config=" + file, "--idle-timeout=x")))
                .doesNotContain(SECRET);
    }

    @Test
    void printConfig_isAConfigFileOfTheSameOptions() throws IOException {
        environment.put("SESSION_JOB_GROUP_ID", "from-environment");
        String text =
                parse("--job-name= a\\b\tc", "--min-event-time=2020-01-01", "--source.x.y=#1=:!")
                        .describe();

        assertThat(text).contains("# from the environment\ngroup-id=from-environment\n");
        environment.clear();
        Path file = write("again", text);
        JobOptions again = parse("--config=" + file);
        assertThat(again.groupId()).isEqualTo("from-environment");
        assertThat(again.minEventTimeMs()).isEqualTo(1_577_836_800_000L);
        Properties properties = new Properties();
        properties.load(new StringReader(text));
        assertThat(properties)
                .containsEntry("job-name", " a\\b\tc")
                .containsEntry("source.x.y", "#1=:!")
                .containsEntry("dead-letter-topic", "log-before.dlq");
    }

    @Test
    void help_isAnsweredWhateverElseIsWrong() {
        assertThat(parse("--bogus", "--help").command()).isEqualTo(JobOptions.Command.HELP);
        assertThat(parse("--version", "--job-name=").command())
                .isEqualTo(JobOptions.Command.VERSION);
    }

    @Test
    void help_namesEveryOptionAndFits80Columns() {
        String help = OptionReader.help();

        assertThat(help.split("\n")).allMatch(line -> line.length() <= 80);
        for (JobOption option : JobOption.values()) {
            assertThat(help).contains("--" + option.optionName());
            if (!option.isFlag()) {
                assertThat(help).contains("default: " + option.shownDefault);
            }
        }
    }

    private JobOptions parse(String... args) {
        return JobOptions.parse(args, environment);
    }

    /** The lines of the refusal, without their heading. */
    private String[] problems(String... args) {
        JobRefusedException refused =
                catchThrowableOfType(JobRefusedException.class, () -> parse(args));
        assertThat(refused).as(Arrays.toString(args)).isNotNull();
        String[] lines = refused.getMessage().split("\n  ");
        assertThat(lines[0]).isEqualTo("The job was not submitted:");
        return Arrays.copyOfRange(lines, 1, lines.length);
    }

    private Path write(String name, String text) throws IOException {
        return Files.write(folder.resolve(name), text.getBytes(StandardCharsets.UTF_8));
    }
}
