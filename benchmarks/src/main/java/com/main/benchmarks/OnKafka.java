package com.main.benchmarks;

import com.main.JobOptions;
import com.main.JobSettings;
import com.main.KafkaSettings;
import java.util.Arrays;
import java.util.Collections;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * One peer as a job of a cluster, from topic to topic: {@code OnKafka PEER CACHE [OPTION]...}, the
 * options being the job's own. Consumer, producer and checkpoints are set as the job sets them; its
 * guard of the sink and its split of dead letters are the job's alone.
 */
public final class OnKafka {
    public static void main(String[] args) throws Exception {
        JobOptions options =
                JobOptions.parse(
                        Arrays.copyOfRange(args, 2, args.length),
                        Collections.<String, String>emptyMap());
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        JobSettings.apply(env, options);
        add(env, Peer.of(args[0], Integer.parseInt(args[1])), options);
        env.execute(args[0]);
    }

    private static <I, O> void add(
            StreamExecutionEnvironment env, Peer<I, O> peer, JobOptions options) {
        if (!peer.objectReuse()) {
            env.getConfig().disableObjectReuse();
        }
        KafkaSettings kafka = new KafkaSettings(options);
        KafkaSource<I> source =
                KafkaSource.<I>builder()
                        .setTopics(options.inputTopic())
                        .setGroupId(options.groupId())
                        .setStartingOffsets(OffsetsInitializer.earliest())
                        .setProperties(kafka.consumerProperties())
                        .setDeserializer(peer.decoder())
                        .build();
        KafkaSink<O> sink =
                KafkaSink.<O>builder()
                        .setKafkaProducerConfig(kafka.producerProperties())
                        .setRecordSerializer(peer.encoder(options.outputTopic()))
                        .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                        .build();
        // The job's settings want a name for each operator in its savepoints.
        peer.sessions(
                        env.fromSource(source, peer.watermarks(), options.inputTopic())
                                .uid("source"))
                .sinkTo(sink)
                .uid("output");
    }

    private OnKafka() {}
}
