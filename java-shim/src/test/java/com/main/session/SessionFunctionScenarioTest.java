package com.main.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackend;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SessionFunctionScenarioTest {
    private static final int FEWEST_FILES = 60;

    /** Before which steps, counted from 0, the function is restarted. */
    private interface Restarts {
        boolean before(int step);
    }

    static List<Scenario> scenarios() throws IOException {
        return Scenario.readAll();
    }

    @Test
    void theScenariosAreThere() throws IOException {
        assertThat(scenarios()).hasSizeGreaterThanOrEqualTo(FEWEST_FILES);
        assertThat(scenarios()).allSatisfy(one -> assertThat(one.steps()).isNotEmpty());
    }

    // Every cache meets every scenario; not every way to run one, which would take three times as
    // long and show the same.

    @ParameterizedTest
    @MethodSource("scenarios")
    void aScenarioHolds(Scenario scenario) throws Exception {
        for (int cacheEntries : new int[] {0, 2, SessionHarness.DEFAULT_CACHE}) {
            play(scenario, new HashMapStateBackend(), cacheEntries, step -> false);
        }
    }

    @ParameterizedTest
    @MethodSource("scenarios")
    void aScenarioHoldsWithARestartBetweenEveryTwoSteps(Scenario scenario) throws Exception {
        play(scenario, new HashMapStateBackend(), 2, step -> step > 0);
    }

    @ParameterizedTest
    @MethodSource("scenarios")
    void aScenarioHoldsOnRocksDbWithARestartInTheMiddle(Scenario scenario) throws Exception {
        int middle = scenario.steps().size() / 2;
        for (int cacheEntries : new int[] {2, SessionHarness.DEFAULT_CACHE}) {
            play(scenario, new EmbeddedRocksDBStateBackend(), cacheEntries, step -> step == middle);
        }
    }

    private static void play(
            Scenario scenario, StateBackend backend, int cacheEntries, Restarts restarts)
            throws Exception {
        try (ScenarioPlayer player = new ScenarioPlayer(scenario, backend, cacheEntries)) {
            for (int step = 0; step < scenario.steps().size(); step++) {
                if (restarts.before(step)) {
                    player.restart();
                }
                player.play(scenario.steps().get(step));
            }
            player.end();
        }
    }
}
