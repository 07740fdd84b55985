package com.main.kafka;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.StatefulSink;
import org.apache.flink.api.connector.sink2.TwoPhaseCommittingSink;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.SinkWriterMetricGroup;
import org.apache.flink.util.UserCodeClassLoader;
import org.apache.flink.util.function.RunnableWithException;
import org.apache.flink.util.function.ThrowingRunnable;

/**
 * A Kafka sink that loses nothing in silence. It fails the task when a send fails: the connector's
 * own (3.2.0-1.18) hands the error to the mailbox in a future that nobody reads, and forgets it,
 * and the next checkpoint completes without the record (FLINK-35749; fixed for Flink 1.19 and newer
 * only). And it counts the records of each transaction, so that one that expires is reported with
 * what it takes along.
 *
 * <p>All else is the connector's, the writer's state included, so that a savepoint fits either
 * delivery guarantee, and one of the plain sink fits this one.
 *
 * @param <S> the state of the connector's writer; its type is not public
 * @param <C> what the connector commits; its type is not public
 */
public final class GuardedSink<IN, S, C>
        implements StatefulSink<IN, S>, TwoPhaseCommittingSink<IN, CountedTransaction<C>> {
    private static final long serialVersionUID = 1L;

    /** Records of transactions that expired; what an alarm has to be on. */
    static final String LOST_RECORDS = "expiredTransactionRecords";

    private final String topic;

    /** The same sink, seen twice: the connector's type that is both is not public. */
    private final StatefulSink<IN, S> stateful;

    private final TwoPhaseCommittingSink<IN, C> committing;

    private GuardedSink(
            String topic, StatefulSink<IN, S> stateful, TwoPhaseCommittingSink<IN, C> committing) {
        this.topic = topic;
        this.stateful = stateful;
        this.committing = committing;
    }

    /**
     * @param topic where the sink writes to, for what it reports
     */
    @SuppressWarnings("unchecked")
    public static <IN> Sink<IN> of(String topic, KafkaSink<IN> kafkaSink) {
        Sink<IN> sink = kafkaSink;
        return new GuardedSink<>(
                topic, (StatefulSink<IN, Object>) sink, (TwoPhaseCommittingSink<IN, Object>) sink);
    }

    @Override
    public Writer<IN, S, C> createWriter(InitContext context) throws IOException {
        return new Writer<>(
                topic, stateful.createWriter(new GuardedContext(context)), context.metricGroup());
    }

    @Override
    public Writer<IN, S, C> restoreWriter(InitContext context, Collection<S> states)
            throws IOException {
        return new Writer<>(
                topic,
                stateful.restoreWriter(new GuardedContext(context), states),
                context.metricGroup());
    }

    @Override
    public SimpleVersionedSerializer<S> getWriterStateSerializer() {
        return stateful.getWriterStateSerializer();
    }

    @Override
    public Committer<CountedTransaction<C>> createCommitter() throws IOException {
        return new ReportingCommitter<>(topic, committing.createCommitter());
    }

    @Override
    public SimpleVersionedSerializer<CountedTransaction<C>> getCommittableSerializer() {
        return new CountedTransaction.Serializer<>(committing.getCommittableSerializer());
    }

    /**
     * The connector's writer under the one type that has both roles, and a count of what is in the
     * transaction that is open. Its close is the connector's and may throw what that throws, hence
     * "try".
     */
    @SuppressWarnings("try")
    static final class Writer<IN, S, C>
            implements StatefulSinkWriter<IN, S>,
                    PrecommittingSinkWriter<IN, CountedTransaction<C>> {
        private final String topic;
        private final StatefulSinkWriter<IN, S> stateful;
        private final PrecommittingSinkWriter<IN, C> committing;
        private final Counter lostRecords;
        private long written;

        @SuppressWarnings("unchecked")
        private Writer(String topic, StatefulSinkWriter<IN, S> writer, MetricGroup metrics) {
            this.topic = topic;
            this.stateful = writer;
            this.committing = (PrecommittingSinkWriter<IN, C>) writer;
            this.lostRecords = metrics.counter(LOST_RECORDS);
        }

        @Override
        public void write(IN element, Context context) throws IOException, InterruptedException {
            stateful.write(element, context);
            written++;
        }

        @Override
        public void flush(boolean endOfInput) throws IOException, InterruptedException {
            stateful.flush(endOfInput);
        }

        @Override
        public void writeWatermark(Watermark watermark) throws IOException, InterruptedException {
            stateful.writeWatermark(watermark);
        }

        @Override
        public Collection<CountedTransaction<C>> prepareCommit()
                throws IOException, InterruptedException {
            lostRecords.inc(ReportingCommitter.takeLost(topic));
            List<CountedTransaction<C>> counted = new ArrayList<>(1);
            // One transaction at most: what was written since the last time.
            for (C transaction : committing.prepareCommit()) {
                counted.add(new CountedTransaction<>(transaction, written));
            }
            written = 0;
            return counted;
        }

        @Override
        public List<S> snapshotState(long checkpointId) throws IOException {
            return stateful.snapshotState(checkpointId);
        }

        @Override
        public void close() throws Exception {
            stateful.close();
        }
    }

    /** What the writer may ask of its task; all as it is but for the mailbox. */
    private static final class GuardedContext implements InitContext {
        private final InitContext context;

        private GuardedContext(InitContext context) {
            this.context = context;
        }

        @Override
        public MailboxExecutor getMailboxExecutor() {
            return new FailingMailbox(context.getMailboxExecutor());
        }

        @Override
        public UserCodeClassLoader getUserCodeClassLoader() {
            return context.getUserCodeClassLoader();
        }

        @Override
        public ProcessingTimeService getProcessingTimeService() {
            return context.getProcessingTimeService();
        }

        @Override
        public int getSubtaskId() {
            return context.getSubtaskId();
        }

        @Override
        public int getNumberOfParallelSubtasks() {
            return context.getNumberOfParallelSubtasks();
        }

        @Override
        public int getAttemptNumber() {
            return context.getAttemptNumber();
        }

        @Override
        public SinkWriterMetricGroup metricGroup() {
            return context.metricGroup();
        }

        @Override
        public OptionalLong getRestoredCheckpointId() {
            return context.getRestoredCheckpointId();
        }

        @Override
        public SerializationSchema.InitializationContext
                asSerializationSchemaInitializationContext() {
            return context.asSerializationSchemaInitializationContext();
        }

        @Override
        public boolean isObjectReuseEnabled() {
            return context.isObjectReuseEnabled();
        }

        @Override
        public <T> TypeSerializer<T> createInputSerializer() {
            return context.createInputSerializer();
        }

        @Override
        public JobID getJobId() {
            return context.getJobId();
        }

        @Override
        public <MetaT> Optional<Consumer<MetaT>> metadataConsumer() {
            return context.metadataConsumer();
        }
    }

    /** A mailbox whose mails fail the task when they throw, also those whose future is unread. */
    private static final class FailingMailbox implements MailboxExecutor {
        private final MailboxExecutor mailbox;

        private FailingMailbox(MailboxExecutor mailbox) {
            this.mailbox = mailbox;
        }

        @Override
        public Future<Void> submit(
                RunnableWithException command, String description, Object... arguments) {
            Callable<Void> callable =
                    () -> {
                        command.run();
                        return null;
                    };
            return submit(callable, description, arguments);
        }

        @Override
        public Future<Void> submit(RunnableWithException command, String description) {
            return submit(command, description, EMPTY_ARGS);
        }

        @Override
        public <T> Future<T> submit(Callable<T> command, String description, Object... arguments) {
            CompletableFuture<T> done = new CompletableFuture<>();
            mailbox.execute(
                    () -> {
                        try {
                            done.complete(command.call());
                        } catch (Exception e) {
                            done.completeExceptionally(e);
                            throw e;
                        }
                    },
                    description,
                    arguments);
            return done;
        }

        @Override
        public <T> Future<T> submit(Callable<T> command, String description) {
            return submit(command, description, EMPTY_ARGS);
        }

        @Override
        public void execute(
                ThrowingRunnable<? extends Exception> command,
                String description,
                Object... arguments) {
            mailbox.execute(command, description, arguments);
        }

        @Override
        public void yield() throws InterruptedException {
            mailbox.yield();
        }

        @Override
        public boolean tryYield() {
            return mailbox.tryYield();
        }
    }
}
