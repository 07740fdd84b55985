package com.main.session;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Events that were labelled before their turn, because too many of their key waited. They have
 * their label, but it may depend on the order of arrival.
 */
final class EarlyLabels {
    private static final Logger LOG = LoggerFactory.getLogger(EarlyLabels.class);
    private static final long PAUSE_NANOS = Duration.ofSeconds(10).toNanos();

    private long total;
    private boolean logged;
    private long loggedAtNanos;

    /** Counts them, and logs a line a while. */
    void count(int labelled) {
        total += labelled;
        long now = System.nanoTime();
        if (!logged || now - loggedAtNanos >= PAUSE_NANOS) {
            logged = true;
            loggedAtNanos = now;
            // No key: logs are no place for users' data.
            LOG.warn(
                    "Too many events of a key wait for the watermark: {} labelled before their turn"
                            + " since this task started",
                    total);
        }
    }
}
