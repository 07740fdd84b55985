package com.main.kafka;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.connector.sink2.Committer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Commits by the connector, and reports what can no longer be committed. The broker aborts a
 * transaction that was open for longer than its timeout; Flink 1.18 takes the connector's word for
 * it and goes on (FLINK-25857), so that nobody would hear of the loss.
 *
 * <p>Its close is the connector's and may throw what that throws, hence "try".
 *
 * @param <C> what the connector commits
 */
@SuppressWarnings("try")
final class ReportingCommitter<C> implements Committer<CountedTransaction<C>> {
    private static final Logger LOG = LoggerFactory.getLogger(ReportingCommitter.class);

    /**
     * Lost records by topic, until a writer of the topic in this class loader takes them for its
     * metric: Flink 1.18 gives a committer no metrics.
     */
    private static final Map<String, AtomicLong> LOST = new ConcurrentHashMap<>();

    /**
     * The expired transactions that were told, so that each counts once: a job that starts again
     * from the checkpoint of one tries to commit it again.
     */
    private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();

    private final String topic;
    private final Committer<C> connectors;

    ReportingCommitter(String topic, Committer<C> connectors) {
        this.topic = topic;
        this.connectors = connectors;
    }

    /** How many records of the topic were lost and not taken yet. */
    static long takeLost(String topic) {
        AtomicLong lost = LOST.get(topic);
        return lost == null ? 0 : lost.getAndSet(0);
    }

    @Override
    public void commit(Collection<CommitRequest<CountedTransaction<C>>> requests)
            throws IOException, InterruptedException {
        List<CommitRequest<C>> reported = new ArrayList<>(requests.size());
        for (CommitRequest<CountedTransaction<C>> request : requests) {
            reported.add(new Request(request));
        }
        connectors.commit(reported);
    }

    @Override
    public void close() throws Exception {
        connectors.close();
    }

    private void report(CountedTransaction<C> lost, Throwable reason) {
        if (!TOLD.add(lost.committable().toString())) {
            return;
        }
        boolean counted = lost.records() != CountedTransaction.UNKNOWN;
        if (counted) {
            LOST.computeIfAbsent(topic, each -> new AtomicLong()).addAndGet(lost.records());
        }
        LOG.error(
                "Transaction {} to {} expired before it could be committed: {} records are lost."
                        + " They stand in the input still: read them again from a time before the"
                        + " outage with --start timestamp:<ms>, in a job with other output topics"
                        + " and another --group-id, and raise --transaction-timeout above the"
                        + " longest outage.",
                lost.committable(),
                topic,
                counted ? lost.records() : "an unknown number of",
                reason);
    }

    /** One request as the connector sees it. */
    private final class Request implements CommitRequest<C> {
        private final CommitRequest<CountedTransaction<C>> request;

        private Request(CommitRequest<CountedTransaction<C>> request) {
            this.request = request;
        }

        @Override
        public C getCommittable() {
            return request.getCommittable().committable();
        }

        @Override
        public int getNumberOfRetries() {
            return request.getNumberOfRetries();
        }

        @Override
        public void signalFailedWithKnownReason(Throwable reason) {
            report(request.getCommittable(), reason);
            request.signalFailedWithKnownReason(reason);
        }

        @Override
        public void signalFailedWithUnknownReason(Throwable reason) {
            request.signalFailedWithUnknownReason(reason);
        }

        @Override
        public void retryLater() {
            request.retryLater();
        }

        @Override
        public void updateAndRetryLater(C committable) {
            request.updateAndRetryLater(
                    new CountedTransaction<>(committable, request.getCommittable().records()));
        }

        @Override
        public void signalAlreadyCommitted() {
            request.signalAlreadyCommitted();
        }
    }
}
