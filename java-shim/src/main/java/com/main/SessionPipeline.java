package com.main;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The job graph. */
public final class SessionPipeline {
    private SessionPipeline() {}

    /** Adds the job to the environment, with its settings. */
    public static void build(StreamExecutionEnvironment env, JobOptions options) {
        JobSettings.apply(env, options);
    }
}
