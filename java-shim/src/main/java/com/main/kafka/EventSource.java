package com.main.kafka;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * The Kafka source, with three things set right around each of its readers.
 *
 * <p>A reader that is restored holds event time back for every partition it has. Flink 1.18 does
 * that for partitions handed out anew, but of restored ones it learns with their first record:
 * until then the others move event time past what these have not read yet, and close sessions
 * early.
 *
 * <p>Where it is wanted, a reader tells at once which partition it was given and where it begins,
 * by an {@link InputRecord#assigned}: {@link SilenceOperator} has to know of what is still unread,
 * also where nothing of it was read yet.
 *
 * <p>A reader that ends closes its decoder's core: a deserialization schema hears nothing of it.
 *
 * <p>All else is the connector's, state included.
 */
public final class EventSource
        implements Source<InputRecord, KafkaPartitionSplit, KafkaSourceEnumState>,
                ResultTypeQueryable<InputRecord> {
    private static final long serialVersionUID = 1L;

    private final Source<InputRecord, KafkaPartitionSplit, KafkaSourceEnumState> source;

    /** The one that the source holds too: the two travel together, so they stay one object. */
    private final RecordDecoder decoder;

    private final boolean tellsAssignments;

    private EventSource(
            Source<InputRecord, KafkaPartitionSplit, KafkaSourceEnumState> source,
            RecordDecoder decoder,
            boolean tellsAssignments) {
        this.source = source;
        this.decoder = decoder;
        this.tellsAssignments = tellsAssignments;
    }

    /**
     * @param decoder the source's deserializer, the same object
     * @param tellsAssignments whether the operators behind it get {@link InputRecord#assigned} too
     */
    public static EventSource of(
            KafkaSource<InputRecord> source, RecordDecoder decoder, boolean tellsAssignments) {
        return new EventSource(source, decoder, tellsAssignments);
    }

    @Override
    public SourceReader<InputRecord, KafkaPartitionSplit> createReader(SourceReaderContext context)
            throws Exception {
        decoder.report(context.metricGroup());
        return new Reader(source.createReader(context), decoder, tellsAssignments);
    }

    @Override
    public Boundedness getBoundedness() {
        return source.getBoundedness();
    }

    @Override
    public SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> createEnumerator(
            SplitEnumeratorContext<KafkaPartitionSplit> context) throws Exception {
        return source.createEnumerator(context);
    }

    @Override
    public SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> restoreEnumerator(
            SplitEnumeratorContext<KafkaPartitionSplit> context, KafkaSourceEnumState state)
            throws Exception {
        return source.restoreEnumerator(context, state);
    }

    @Override
    public SimpleVersionedSerializer<KafkaPartitionSplit> getSplitSerializer() {
        return source.getSplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<KafkaSourceEnumState> getEnumeratorCheckpointSerializer() {
        return source.getEnumeratorCheckpointSerializer();
    }

    @Override
    public TypeInformation<InputRecord> getProducedType() {
        return InputRecord.TYPE;
    }

    /** Its close is the connector's and may throw what that throws, hence "try". */
    @SuppressWarnings("try")
    static final class Reader implements SourceReader<InputRecord, KafkaPartitionSplit> {
        private final SourceReader<InputRecord, KafkaPartitionSplit> reader;
        private final RecordDecoder decoder;
        private final boolean tellsAssignments;

        /** Partitions that nobody behind the reader knows of yet. */
        private final List<KafkaPartitionSplit> unknown = new ArrayList<>();

        /**
         * What Flink waits for, and the reader's own, which it stands for; null before the first.
         */
        private CompletableFuture<Void> available;

        private CompletableFuture<Void> readersAvailable;

        Reader(
                SourceReader<InputRecord, KafkaPartitionSplit> reader,
                RecordDecoder decoder,
                boolean tellsAssignments) {
            this.reader = reader;
            this.decoder = decoder;
            this.tellsAssignments = tellsAssignments;
        }

        @Override
        public void addSplits(List<KafkaPartitionSplit> splits) {
            unknown.addAll(splits);
            reader.addSplits(splits);
            if (available != null) {
                available.complete(null);
            }
        }

        @Override
        public InputStatus pollNext(ReaderOutput<InputRecord> output) throws Exception {
            if (!unknown.isEmpty()) {
                for (KafkaPartitionSplit split : unknown) {
                    tellOf(split, output);
                }
                unknown.clear();
                // From now on the reader alone says when there is more.
                readersAvailable = null;
            }
            return reader.pollNext(output);
        }

        private void tellOf(KafkaPartitionSplit split, ReaderOutput<InputRecord> output) {
            // Where Flink has made it already, it stays as it is.
            SourceOutput<InputRecord> ofSplit = output.createOutputForSplit(split.splitId());
            if (tellsAssignments) {
                ofSplit.collect(assigned(split));
            }
        }

        private static InputRecord assigned(KafkaPartitionSplit split) {
            // Without a number it was found while the job ran, and is read from its beginning.
            long offset = Math.max(0, split.getStartingOffset());
            return InputRecord.assigned(split.getTopic(), split.getPartition(), offset);
        }

        /** The reader's own future says nothing of a partition that has nothing to read. */
        @Override
        public CompletableFuture<Void> isAvailable() {
            CompletableFuture<Void> readers = reader.isAvailable();
            if (readers != readersAvailable) {
                CompletableFuture<Void> both = new CompletableFuture<>();
                readers.thenRun(() -> both.complete(null));
                readersAvailable = readers;
                available = both;
            }
            return available;
        }

        @Override
        public void close() throws Exception {
            try {
                reader.close();
            } finally {
                decoder.close();
            }
        }

        @Override
        public void start() {
            reader.start();
        }

        @Override
        public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
            return reader.snapshotState(checkpointId);
        }

        @Override
        public void notifyNoMoreSplits() {
            reader.notifyNoMoreSplits();
        }

        @Override
        public void handleSourceEvents(SourceEvent event) {
            reader.handleSourceEvents(event);
        }

        @Override
        public void notifyCheckpointComplete(long checkpointId) throws Exception {
            reader.notifyCheckpointComplete(checkpointId);
        }

        @Override
        public void notifyCheckpointAborted(long checkpointId) throws Exception {
            reader.notifyCheckpointAborted(checkpointId);
        }

        @Override
        public void pauseOrResumeSplits(Collection<String> toPause, Collection<String> toResume) {
            reader.pauseOrResumeSplits(toPause, toResume);
        }
    }
}
