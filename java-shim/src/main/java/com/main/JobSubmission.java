package com.main;

import com.main.core.SessionCore;
import com.main.core.SessionCoreException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** What main does where Flink's classes are. */
final class JobSubmission {
    private JobSubmission() {}

    static String describeSettings(JobOptions options) {
        return JobSettings.describe(
                StreamExecutionEnvironment.getExecutionEnvironment().getConfiguration(), options);
    }

    /** The rules in force, as a rules file; the core says what they are. */
    static String rules(JobOptions options) {
        try {
            return SessionCore.rules(options.toCoreOptions(), options.nativeTmp()) + "\n";
        } catch (IllegalArgumentException e) {
            throw new JobRefusedException(ruleMistakes(e));
        }
    }

    /**
     * What is wrong with the rules. Where the core cannot be loaded, for one may submit from a
     * machine of another kind, the task managers will tell.
     */
    private static List<String> ruleProblems(JobOptions options, Consumer<String> warnings) {
        try {
            SessionCore.rules(options.toCoreOptions(), options.nativeTmp());
        } catch (IllegalArgumentException e) {
            return ruleMistakes(e);
        } catch (SessionCoreException e) {
            warnings.accept(
                    "warning: the rules are checked on the task managers only: " + e.getMessage());
        }
        return Collections.emptyList();
    }

    private static List<String> ruleMistakes(IllegalArgumentException refusal) {
        List<String> mistakes = new ArrayList<>();
        for (String line : refusal.getMessage().split("\n")) {
            mistakes.add("--rules: " + line);
        }
        return mistakes;
    }

    static void submit(JobOptions options, Consumer<String> warnings) throws Exception {
        StreamExecutionEnvironment env = checkedEnvironment(options, warnings);
        SessionPipeline.build(env, options);
        env.execute(options.jobName());
    }

    /** Looks at all that a submission looks at, and makes nothing. */
    static String check(JobOptions options, Consumer<String> warnings) {
        List<String> warned = new ArrayList<>();
        checkedEnvironment(
                options,
                warning -> {
                    warned.add(warning);
                    warnings.accept(warning);
                });
        return "The job can be submitted. Warnings: " + warned.size() + "\n";
    }

    /** Builds the graph as a submission does, and says what is in it. */
    static String dryRun(JobOptions options, Consumer<String> warnings) {
        StreamExecutionEnvironment env = checkedEnvironment(options, warnings);
        SessionPipeline.build(env, options);
        StringBuilder text = new StringBuilder("The job can be submitted. Its tasks:\n");
        for (JobVertex task :
                env.getStreamGraph().getJobGraph().getVerticesSortedTopologicallyFromSources()) {
            text.append("  ").append(task.getName());
            text.append(" (parallelism ").append(task.getParallelism()).append(")\n");
        }
        return text.toString();
    }

    private static StreamExecutionEnvironment checkedEnvironment(
            JobOptions options, Consumer<String> warnings) {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        List<String> problems =
                new ArrayList<>(JobSettings.problems(env.getConfiguration(), options));
        problems.addAll(new KafkaSettings(options).problems());
        problems.addAll(ruleProblems(options, warnings));
        problems.addAll(ClusterChecks.problems(env, options, warnings));
        if (options.start().equals("latest")) {
            warnings.accept(
                    "warning: with --start latest a job that fails before its first checkpoint"
                            + " skips what came in meanwhile");
        }
        // A topic is made only for a job that is not refused for another reason.
        if (problems.isEmpty()) {
            problems.addAll(Topics.prepare(options, env.getParallelism(), warnings));
        }
        if (!problems.isEmpty()) {
            throw new JobRefusedException(problems);
        }
        return env;
    }
}
