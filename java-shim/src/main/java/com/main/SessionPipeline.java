package com.main;

import com.main.core.CoreOptions;
import com.main.kafka.DeadLetterLog;
import com.main.kafka.DeadLetterSink;
import com.main.kafka.DeadLetterSplit;
import com.main.kafka.EventSource;
import com.main.kafka.EventWatermarks;
import com.main.kafka.GuardedSink;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import com.main.kafka.OutputRecordSchema;
import com.main.kafka.RecordDecoder;
import com.main.kafka.SilenceOperator;
import com.main.session.CachingKeyedProcessOperator;
import com.main.session.SessionFunction;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.ProcessOperator;

/**
 * The job graph: the record's way, on one screen.
 *
 * <p>Every uid is part of each savepoint and stays as it is.
 */
public final class SessionPipeline {
    private SessionPipeline() {}

    /** Adds the job to the environment, with its settings. */
    public static void build(StreamExecutionEnvironment env, JobOptions options) {
        JobSettings.apply(env, options);
        KafkaSettings kafka = new KafkaSettings(options);
        CoreOptions core = options.toCoreOptions();

        SingleOutputStreamOperator<InputRecord> events =
                env.fromSource(
                                source(options, kafka, core),
                                watermarks(options),
                                options.inputTopic())
                        .uid("source")
                        .transform(
                                "dead letters apart",
                                InputRecord.TYPE,
                                deadLetterSplit(options, kafka))
                        .uid("dead-letter-split");

        SingleOutputStreamOperator<OutputRecord> labelled =
                events.keyBy(InputRecord::key)
                        .transform(
                                "sessions",
                                OutputRecord.TYPE,
                                new CachingKeyedProcessOperator<>(
                                        new SessionFunction(core, options.nativeTmp()),
                                        SessionFunction.STATE_NAME,
                                        options.stateCache()))
                        .uid("sessions");

        String prefix = options.transactionalIdPrefix();
        labelled.sinkTo(sink(options.outputTopic(), prefix, options, kafka))
                .name(options.outputTopic())
                .uid("output");

        options.sessionTopic()
                .ifPresent(
                        topic ->
                                labelled.getSideOutput(SessionFunction.CLOSE_RECORDS)
                                        .sinkTo(sink(topic, prefix + "-sessions", options, kafka))
                                        .name(topic)
                                        .uid("close-records"));

        DataStream<InputRecord> deadLetters =
                events.getSideOutput(DeadLetterSplit.DEAD_LETTERS)
                        .union(labelled.getSideOutput(SessionFunction.DEAD_LETTERS));
        Properties producer = kafka.producerProperties();
        Sink<InputRecord> deadLetterSink =
                options.deadLetterTopic()
                        .<Sink<InputRecord>>map(topic -> new DeadLetterSink(topic, producer))
                        .orElseGet(DeadLetterLog::new);
        deadLetters
                .sinkTo(deadLetterSink)
                .name(options.deadLetterTopic().orElse("dead letters"))
                .uid("dead-letters");
    }

    private static EventSource source(JobOptions options, KafkaSettings kafka, CoreOptions core) {
        RecordDecoder decoder = new RecordDecoder(core, options.nativeTmp());
        return EventSource.of(
                KafkaSource.<InputRecord>builder()
                        .setTopics(options.inputTopic())
                        .setGroupId(options.groupId())
                        .setStartingOffsets(JobSettings.startingOffsets(options))
                        .setProperties(kafka.consumerProperties())
                        .setDeserializer(decoder)
                        .build(),
                decoder,
                !options.advanceWhenSilent().isZero());
    }

    private static WatermarkStrategy<InputRecord> watermarks(JobOptions options) {
        WatermarkStrategy<InputRecord> ofEvents =
                EventWatermarks.of(options.outOfOrderness(), options.idleTimeout());
        return options.watermarkAlignment().isZero()
                ? ofEvents
                : ofEvents.withWatermarkAlignment(
                        options.inputTopic(), options.watermarkAlignment());
    }

    private static OneInputStreamOperator<InputRecord, InputRecord> deadLetterSplit(
            JobOptions options, KafkaSettings kafka) {
        return options.advanceWhenSilent().isZero()
                ? new ProcessOperator<>(new DeadLetterSplit())
                : SilenceOperator.of(
                        options.advanceWhenSilent(),
                        options.partitionDiscovery(),
                        options.inputTopic(),
                        kafka.sourceAdminProperties(),
                        kafka.consumerProperties());
    }

    private static Sink<OutputRecord> sink(
            String topic, String prefix, JobOptions options, KafkaSettings kafka) {
        DeliveryGuarantee guarantee = JobSettings.deliveryGuarantee(options);
        return GuardedSink.of(
                topic,
                KafkaSink.<OutputRecord>builder()
                        .setKafkaProducerConfig(kafka.producerProperties())
                        .setRecordSerializer(new OutputRecordSchema(topic))
                        .setDeliveryGuarantee(guarantee)
                        .setTransactionalIdPrefix(prefix)
                        .build());
    }
}
