package com.main.session;

import com.main.core.StepReply.ClosedBy;
import com.main.core.StepReply.Outcome;
import com.main.metrics.CoreTime;
import com.main.metrics.SessionGroup;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/**
 * What the sessions operator tells of itself.
 *
 * <p>What came out and what became of it is counted where a reply of the core says so. Open
 * sessions and waiting events outlive a restart, in operator state.
 */
final class SessionMetrics {
    private static final String OPEN_STATE = "open-sessions";
    private static final String WAITING_STATE = "waiting-events";

    final CoreTime eventTime;
    final CoreTime timerTime;

    private final Counter recordsOut;
    private final Counter sessionsStarted;
    private final Counter sessionsContinued;
    private final Counter eventsRodeAlong;
    private final Counter eventsOutOfOrder;
    private final Counter eventsLate;
    private final Counter eventsLabelledEarly;
    private final Counter timersFired;
    private final Counter coreErrors;
    private final Map<ClosedBy, Counter> sessionsClosed = new EnumMap<>(ClosedBy.class);
    private final KeyGroupCount open;
    private final KeyGroupCount waiting;

    SessionMetrics(RuntimeContext task, OperatorStateStore store) throws Exception {
        MetricGroup group = SessionGroup.of(task.getMetricGroup());
        eventTime = new CoreTime(group, "event");
        timerTime = new CoreTime(group, "timer");
        recordsOut = group.counter("recordsOut");
        sessionsStarted = group.counter("sessionsStarted");
        sessionsContinued = group.counter("sessionsContinued");
        eventsRodeAlong = group.counter("eventsRodeAlong");
        eventsOutOfOrder = group.counter("eventsOutOfOrder");
        eventsLate = group.counter("eventsLate");
        eventsLabelledEarly = group.counter("eventsLabelledEarly");
        timersFired = group.counter("timersFired");
        coreErrors = SessionGroup.coreErrors(group);
        for (ClosedBy each : ClosedBy.values()) {
            String word = each.name().toLowerCase(Locale.ROOT);
            sessionsClosed.put(each, group.addGroup("closed_by", word).counter("sessionsClosed"));
        }
        open = new KeyGroupCount(OPEN_STATE, store, task);
        group.gauge("sessionsOpen", open::total);
        group.gauge("sessionsOpenAtStart", open::atStart);
        waiting = new KeyGroupCount(WAITING_STATE, store, task);
        group.gauge("eventsWaiting", waiting::total);
        group.gauge("eventsWaitingAtStart", waiting::atStart);
    }

    void came(long eventTimeMs, long watermarkMs) {
        if (eventTimeMs <= watermarkMs) {
            eventsLate.inc();
        }
    }

    void timerFired() {
        timersFired.inc();
    }

    void wentOut(Outcome outcome, String key) {
        recordsOut.inc();
        switch (outcome) {
            case RODE_ALONG:
                eventsRodeAlong.inc();
                break;
            case STARTED:
                sessionsStarted.inc();
                open.change(key, 1);
                break;
            case CONTINUED_OUT_OF_ORDER:
                eventsOutOfOrder.inc();
                sessionsContinued.inc();
                break;
            case CONTINUED:
                sessionsContinued.inc();
                break;
        }
    }

    void closed(ClosedBy closedBy, String key) {
        sessionsClosed.get(closedBy).inc();
        open.change(key, -1);
    }

    void coreFailed() {
        coreErrors.inc();
    }

    void labelledEarly(int events) {
        eventsLabelledEarly.inc(events);
    }

    void waits(String key) {
        waiting.change(key, 1);
    }

    void waitedEnough(String key) {
        waiting.change(key, -1);
    }

    /** Hands what outlives a restart to the checkpoint under way. */
    void keep() throws Exception {
        open.keep();
        waiting.keep();
    }
}
