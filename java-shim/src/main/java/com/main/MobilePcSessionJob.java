package com.main;

import com.main.core.NativeBuild;
import com.main.metrics.Versions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.slf4j.LoggerFactory;

/**
 * Gives every event of the input topic its session and writes it to the output topic.
 *
 * <p>Nothing of Flink is named in this class: with {@code java -jar}, Flink's classes are missing,
 * and the help and every error of the options have to work there.
 */
public final class MobilePcSessionJob {
    private static final int REFUSED = 2;
    private static final String FLINK = "org.apache.flink.client.cli.CliFrontend";

    private MobilePcSessionJob() {}

    public static void main(String[] args) throws Exception {
        boolean ownProcess = hasOwnProcess(Thread.currentThread().getStackTrace());
        String answer;
        try {
            answer = run(args, System.getenv(), ownProcess);
        } catch (JobRefusedException e) {
            if (!ownProcess) {
                throw e;
            }
            System.err.println(e.getMessage());
            System.exit(REFUSED);
            return;
        }
        if (answer.isEmpty()) {
            return;
        }
        if (!ownProcess) {
            // The page or client that submits shows an exception's text and nothing else.
            throw new JobRefusedException(answer);
        }
        System.out.print(answer);
        System.out.flush();
        // Flink's client takes a main that returns without a job for an error.
        System.exit(0);
    }

    /**
     * Does what the options say.
     *
     * @return what the user asked to see; empty where a job was submitted
     */
    private static String run(String[] args, Map<String, String> environment, boolean ownProcess)
            throws Exception {
        JobOptions options = JobOptions.parse(args, environment);
        switch (options.command()) {
            case HELP:
                return OptionReader.help();
            case VERSION:
                return versions();
            case PRINT_CONFIG:
                return options.describe()
                        + (hasFlink() ? JobSubmission.describeSettings(options) : "");
            default:
                break;
        }
        if (!hasFlink()) {
            throw new JobRefusedException(
                    "Flink's classes are missing here: submit with Flink's own command, flink run"
                            + " -d JAR [OPTION]...");
        }
        Consumer<String> warnings =
                ownProcess
                        ? System.err::println
                        : LoggerFactory.getLogger(MobilePcSessionJob.class)::warn;
        if (options.command() == JobOptions.Command.PRINT_RULES) {
            return JobSubmission.rules(options);
        }
        if (options.command() == JobOptions.Command.CHECK) {
            return JobSubmission.check(options, warnings);
        }
        if (options.command() == JobOptions.Command.DRY_RUN) {
            return JobSubmission.dryRun(options, warnings);
        }
        JobSubmission.submit(options, warnings);
        return "";
    }

    /**
     * Whether this process exists for main alone. In a JobManager (web page, REST, application
     * mode) System.exit would end every job it has.
     */
    static boolean hasOwnProcess(StackTraceElement[] stack) {
        StackTraceElement bottom = stack[stack.length - 1];
        return bottom.getMethodName().equals("main")
                && (bottom.getClassName().equals(FLINK)
                        || bottom.getClassName().equals(MobilePcSessionJob.class.getName()));
    }

    private static boolean hasFlink() {
        try {
            Class.forName(FLINK, false, Thread.currentThread().getContextClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    private static String versions() {
        Properties versions = Versions.read();
        String core;
        try {
            core = NativeBuild.describe();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return "flink_kafka_dynamic_session_jar "
                + versions.getProperty("job")
                + "\nbuilt with Flink "
                + versions.getProperty("flink")
                + ", flink-connector-kafka "
                + versions.getProperty("flink-connector-kafka")
                + ", kafka-clients "
                + versions.getProperty("kafka-clients")
                + "\nsession core "
                + core
                + "\n";
    }
}
