package com.main.kafka;

import java.util.Optional;
import java.util.Properties;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperatorFactory;
import org.apache.flink.streaming.runtime.tasks.mailbox.Mail;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;

/**
 * A sink in Flink's own operator, without a broker: every send fails after a short while. "try":
 * what Flink throws on close is for the test to fail with.
 */
@SuppressWarnings("try")
final class SinkHarness<T>
        extends OneInputStreamOperatorTestHarness<T, CommittableMessage<Object>> {

    SinkHarness(Sink<T> sink, TypeInformation<T> type) throws Exception {
        super(new SinkWriterOperatorFactory<>(sink), type.createSerializer(new ExecutionConfig()));
    }

    static Properties noBroker() {
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", "127.0.0.1:1");
        properties.setProperty("max.block.ms", "200");
        return properties;
    }

    /** What the task does between two records. */
    void runMails() throws Exception {
        TaskMailbox mailbox = getTaskMailbox();
        for (Optional<Mail> mail = mailbox.tryTake(TaskMailbox.MIN_PRIORITY);
                mail.isPresent();
                mail = mailbox.tryTake(TaskMailbox.MIN_PRIORITY)) {
            mail.get().run();
        }
    }
}
