package com.main;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.JobID;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.Metric;
import org.apache.flink.runtime.clusterframework.types.ResourceID;
import org.apache.flink.runtime.executiongraph.ExecutionGraphTestUtils;
import org.apache.flink.runtime.metrics.groups.TaskManagerMetricGroup;
import org.apache.flink.runtime.metrics.groups.TaskMetricGroup;
import org.apache.flink.runtime.metrics.util.TestingMetricRegistry;

/** What a task registers in Flink's own metric groups, to be read by name. */
public final class TestMetrics {
    private static final String OURS = ".session.";

    private final Map<String, Metric> registered = new TreeMap<>();
    private final TaskMetricGroup task =
            TaskManagerMetricGroup.createTaskManagerMetricGroup(
                            TestingMetricRegistry.builder()
                                    .setRegisterConsumer(
                                            (metric, name, group) ->
                                                    register(
                                                            group.getMetricIdentifier(name),
                                                            metric))
                                    .build(),
                            "host",
                            ResourceID.generate())
                    .addJob(new JobID(), "job")
                    .addTask(ExecutionGraphTestUtils.createExecutionAttemptId(), "task");

    private void register(String name, Metric metric) {
        int ours = name.indexOf(OURS);
        if (ours >= 0) {
            registered.put(name.substring(ours + OURS.length()), metric);
        }
    }

    /** The group of the task that registers. */
    public TaskMetricGroup task() {
        return task;
    }

    /**
     * The value of a counter or gauge, or how much a histogram has seen.
     *
     * @param name below {@code session}, as in {@code closed_by.timeout.sessionsClosed}
     */
    public long value(String name) {
        assertThat(registered).containsKey(name);
        Metric metric = registered.get(name);
        if (metric instanceof Counter) {
            return ((Counter) metric).getCount();
        }
        if (metric instanceof Histogram) {
            return ((Histogram) metric).getCount();
        }
        return ((Number) ((Gauge<?>) metric).getValue()).longValue();
    }

    /** All values that are not 0, but for those that are nobody's to foretell. */
    public Map<String, Long> values() {
        Map<String, Long> values = new TreeMap<>();
        registered.forEach(
                (name, metric) -> {
                    if (!name.startsWith("cache")
                            && !name.endsWith("buildInfo")
                            && value(name) != 0) {
                        values.put(name, value(name));
                    }
                });
        return values;
    }

    /** The name of the one metric that ends with a word. */
    public String nameOf(String word) {
        return registered.keySet().stream().filter(name -> name.endsWith(word)).findAny().get();
    }
}
