package com.main;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The properties of Kafka's clients: the job's own, and the user's pass-through over them. */
public final class KafkaSettings {
    /** Key, headers and the batch's own bytes beside a record's value. */
    private static final int RECORD_MARGIN = 64 * 1024;

    private static final int LOOK_UP_TIMEOUT_MS = 15_000;

    /** Of the Kafka source, not of the consumer: how often it looks for new partitions. */
    private static final String PARTITION_DISCOVERY = "partition.discovery.interval.ms";

    private static final String SERIALIZED_BY_JOB = "the job moves bytes; leave it out";
    private static final Map<String, String> OWN_CONSUMER_PROPERTIES = new HashMap<>();
    private static final Map<String, String> OWN_PRODUCER_PROPERTIES = new HashMap<>();

    static {
        Map<String, String> own = OWN_CONSUMER_PROPERTIES;
        own.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, "use --bootstrap-servers");
        own.put(ConsumerConfig.GROUP_ID_CONFIG, "use --group-id");
        own.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "use --start");
        own.put(
                ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
                "the job commits offsets with its checkpoints; leave it out");
        own.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, SERIALIZED_BY_JOB);
        own.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, SERIALIZED_BY_JOB);
        own.put(PARTITION_DISCOVERY, "use --partition-discovery");

        own = OWN_PRODUCER_PROPERTIES;
        own.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "use --bootstrap-servers");
        own.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "use --transactional-id-prefix");
        own.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, "use --transaction-timeout");
        own.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, SERIALIZED_BY_JOB);
        own.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, SERIALIZED_BY_JOB);
        own.put(
                ProducerConfig.MAX_REQUEST_SIZE_CONFIG,
                "use --max-record-size, which raises it to fit");
    }

    private final JobOptions options;

    public KafkaSettings(JobOptions options) {
        this.options = options;
    }

    /** Why the job cannot take that pass-through property; null where it can. */
    static String refusal(String passThroughName, String value) {
        String prefix = passThroughName.substring(0, passThroughName.indexOf('.') + 1);
        String property = passThroughName.substring(prefix.length());
        if (!"sink.".equals(prefix) && OWN_CONSUMER_PROPERTIES.containsKey(property)) {
            return OWN_CONSUMER_PROPERTIES.get(property);
        }
        if ("source.".equals(prefix)) {
            return null;
        }
        if (property.equals(ProducerConfig.ACKS_CONFIG) && !value.matches("all|-1")) {
            return "fewer acknowledgements than all lose events; leave it out";
        }
        if (property.equals(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG) && !value.equals("true")) {
            return "without it a retry reorders and repeats events; leave it out";
        }
        return OWN_PRODUCER_PROPERTIES.get(property);
    }

    public Properties consumerProperties() {
        Properties properties = new Properties();
        properties.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.putAll(options.passThrough("source."));
        properties.setProperty(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, options.bootstrapServers());
        properties.setProperty(ConsumerConfig.GROUP_ID_CONFIG, options.groupId());
        properties.setProperty(
                PARTITION_DISCOVERY, Long.toString(options.partitionDiscovery().toMillis()));
        return properties;
    }

    /**
     * Without a client.id: the client then makes one for each producer, and those of one process do
     * not fight over a name in JMX.
     */
    public Properties producerProperties() {
        int request = Math.max(1024 * 1024, options.maxRecordSize() + RECORD_MARGIN);
        Properties properties = new Properties();
        properties.setProperty(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        // An event waits for it once; under load a batch is full before.
        properties.setProperty(ProducerConfig.LINGER_MS_CONFIG, "5");
        properties.setProperty(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, "120000");
        properties.setProperty(
                ProducerConfig.BUFFER_MEMORY_CONFIG,
                Integer.toString(Math.max(32 * 1024 * 1024, request)));
        properties.putAll(options.passThrough("sink."));
        properties.setProperty(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, options.bootstrapServers());
        properties.setProperty(ProducerConfig.ACKS_CONFIG, "all");
        properties.setProperty(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true");
        properties.setProperty(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, Integer.toString(request));
        if (options.exactlyOnce()) {
            properties.setProperty(
                    ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                    Long.toString(options.transactionTimeout().toMillis()));
        }
        return properties;
    }

    public Properties adminProperties() {
        Properties properties = new Properties();
        properties.setProperty(AdminClientConfig.CLIENT_ID_CONFIG, options.jobName() + "-look-up");
        properties.setProperty(
                AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG,
                Integer.toString(LOOK_UP_TIMEOUT_MS));
        properties.putAll(options.passThrough("kafka."));
        properties.setProperty(
                AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, options.bootstrapServers());
        // A typing error in a broker's name is told in seconds, whatever one request may wait.
        properties.setProperty(
                AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG,
                properties.getProperty(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG));
        return properties;
    }

    /** An admin client that reaches the brokers as the source's consumer does. */
    public Properties sourceAdminProperties() {
        Properties consumer = consumerProperties();
        Properties properties = new Properties();
        for (String name : AdminClientConfig.configNames()) {
            if (consumer.containsKey(name)) {
                properties.setProperty(name, consumer.getProperty(name));
            }
        }
        return properties;
    }

    /** What the clients themselves would refuse, on the task managers and after scheduling. */
    List<String> problems() {
        List<String> problems = new ArrayList<>();
        Properties consumer = consumerProperties();
        consumer.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        consumer.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        Properties producer = producerProperties();
        producer.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        producer.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        check(problems, "source", () -> new ConsumerConfig(consumer));
        check(problems, "sink", () -> new ProducerConfig(producer));
        return problems;
    }

    private void check(List<String> problems, String prefix, Runnable client) {
        try {
            client.run();
        } catch (ConfigException e) {
            problems.add(
                    "a property of " + prefix + ".* or kafka.*: " + options.masked(e.getMessage()));
        }
    }
}
