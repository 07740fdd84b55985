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
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * The Kafka source, with two things set right around each of its readers.
 *
 * <p>A reader that is restored holds event time back for every partition it has. Flink 1.18 does
 * that for partitions handed out anew, but of restored ones it learns with their first record:
 * until then the others move event time past what these have not read yet, and close sessions
 * early.
 *
 * <p>A reader that ends closes its decoder's core: a deserialization schema hears nothing of it.
 *
 * <p>All else is the connector's, state included.
 *
 * @param <S> a partition with its offset
 * @param <E> the enumerator's state
 */
public final class EventSource<S extends SourceSplit, E>
        implements Source<InputRecord, S, E>, ResultTypeQueryable<InputRecord> {
    private static final long serialVersionUID = 1L;

    private final Source<InputRecord, S, E> source;

    /** The one that the source holds too: the two travel together, so they stay one object. */
    private final RecordDecoder decoder;

    private EventSource(Source<InputRecord, S, E> source, RecordDecoder decoder) {
        this.source = source;
        this.decoder = decoder;
    }

    /**
     * @param decoder the source's deserializer, the same object
     */
    public static EventSource<?, ?> of(KafkaSource<InputRecord> source, RecordDecoder decoder) {
        return new EventSource<>(source, decoder);
    }

    @Override
    public SourceReader<InputRecord, S> createReader(SourceReaderContext context) throws Exception {
        return new Reader<>(source.createReader(context), decoder);
    }

    @Override
    public Boundedness getBoundedness() {
        return source.getBoundedness();
    }

    @Override
    public SplitEnumerator<S, E> createEnumerator(SplitEnumeratorContext<S> context)
            throws Exception {
        return source.createEnumerator(context);
    }

    @Override
    public SplitEnumerator<S, E> restoreEnumerator(SplitEnumeratorContext<S> context, E state)
            throws Exception {
        return source.restoreEnumerator(context, state);
    }

    @Override
    public SimpleVersionedSerializer<S> getSplitSerializer() {
        return source.getSplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<E> getEnumeratorCheckpointSerializer() {
        return source.getEnumeratorCheckpointSerializer();
    }

    @Override
    public TypeInformation<InputRecord> getProducedType() {
        return InputRecord.TYPE;
    }

    /** Its close is the connector's and may throw what that throws, hence "try". */
    @SuppressWarnings("try")
    static final class Reader<S extends SourceSplit> implements SourceReader<InputRecord, S> {
        private final SourceReader<InputRecord, S> reader;
        private final RecordDecoder decoder;

        /** Partitions that Flink does not know to hold event time back. */
        private final List<String> unknown = new ArrayList<>();

        Reader(SourceReader<InputRecord, S> reader, RecordDecoder decoder) {
            this.reader = reader;
            this.decoder = decoder;
        }

        @Override
        public void addSplits(List<S> splits) {
            for (S split : splits) {
                unknown.add(split.splitId());
            }
            reader.addSplits(splits);
        }

        @Override
        public InputStatus pollNext(ReaderOutput<InputRecord> output) throws Exception {
            if (!unknown.isEmpty()) {
                for (String split : unknown) {
                    // Where Flink has made it already, it stays as it is.
                    output.createOutputForSplit(split);
                }
                unknown.clear();
            }
            return reader.pollNext(output);
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
        public List<S> snapshotState(long checkpointId) {
            return reader.snapshotState(checkpointId);
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return reader.isAvailable();
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
