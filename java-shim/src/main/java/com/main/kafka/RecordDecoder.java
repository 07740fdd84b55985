package com.main.kafka;

import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.metrics.CoreTime;
import com.main.metrics.SessionGroup;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Asks the core what each record of the input topic is. Every record is handed on, none throws:
 * what is wrong with a record is the core's answer, and only a broken environment fails the task.
 *
 * <p>Flink gives each source reader an instance of its own and calls it on the task's thread only,
 * as the core needs it.
 */
public final class RecordDecoder implements KafkaRecordDeserializationSchema<InputRecord> {
    private static final long serialVersionUID = 1L;

    private final CoreOptions options;
    private final String nativeTmp;

    private transient SessionCore core;

    /** A reading of the wall clock, of now or of some time ago: to read it costs 30 ns. */
    private transient long clockMs;

    private transient CoreTime decodeTime;
    private transient Counter coreErrors;

    /**
     * @param nativeTmp folder for the library's short-lived copy; null for the JVM's own
     */
    public RecordDecoder(CoreOptions options, String nativeTmp) {
        this.options = options;
        this.nativeTmp = nativeTmp;
    }

    @Override
    public void open(DeserializationSchema.InitializationContext context) {
        core = SessionCore.open(options, nativeTmp);
        clockMs = System.currentTimeMillis();
        if (decodeTime == null) {
            report(context.getMetricGroup());
        }
    }

    /**
     * Reports to the operator's own group; comes before {@code open}, which else takes the one that
     * it is given, a group below.
     */
    void report(MetricGroup operator) {
        MetricGroup group = SessionGroup.of(operator);
        decodeTime = new CoreTime(group, "decode");
        coreErrors = SessionGroup.coreErrors(group);
    }

    boolean isOpen() {
        return core != null;
    }

    /** Closes the core, also where it was never opened; called by {@link EventSource}. */
    void close() {
        SessionCore closing = core;
        core = null;
        if (closing != null) {
            closing.close();
        }
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<InputRecord> out) {
        DecodeReply reply = decode(record);
        if (!reply.event() && !reply.failure()) {
            // All that the clock decides is what lies in the future: by now that may have come.
            clockMs = System.currentTimeMillis();
            reply = decode(record);
        }
        if (reply.failure()) {
            coreErrors.inc();
        }
        out.collect(
                reply.event()
                        ? InputRecord.event(record, reply.key(), reply.eventTimeMs(), reply.found())
                        : InputRecord.deadLetter(record, reply.reason(), reply.detail()));
    }

    private DecodeReply decode(ConsumerRecord<byte[], byte[]> record) {
        long began = decodeTime.begin();
        DecodeReply reply = core.decode(record.value(), record.timestamp(), clockMs);
        decodeTime.end(began);
        return reply;
    }

    @Override
    public TypeInformation<InputRecord> getProducedType() {
        return InputRecord.TYPE;
    }
}
