package com.main.kafka;

import java.io.IOException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;

/**
 * Sends dead letters, those refused as too large once more in a smaller form. Any other failure
 * fails the task: at once through its mailbox, and in the next write or flush at the latest.
 *
 * <p>The producer answers on its own thread or, for what it refuses itself, inside send. Answers
 * only take note; sending again is the task thread's, because a send may block and would then keep
 * the producer's thread from the very answers it waits for.
 */
final class DeadLetterWriter implements SinkWriter<InputRecord> {
    private final Producer<byte[], byte[]> producer;
    private final String topic;
    private final MailboxExecutor mailbox;
    private final DeadLetterCounts counts;

    private final Queue<Sending> refused = new ConcurrentLinkedQueue<>();

    /** The first failure. It stays, so that no one who looks can clear it for the others. */
    private final AtomicReference<Exception> failure = new AtomicReference<>();

    private volatile boolean closed;

    DeadLetterWriter(
            Producer<byte[], byte[]> producer,
            String topic,
            MailboxExecutor mailbox,
            DeadLetterCounts counts) {
        this.producer = producer;
        this.topic = topic;
        this.mailbox = mailbox;
        this.counts = counts;
    }

    @Override
    public void write(InputRecord deadLetter, Context context) throws IOException {
        throwFailure();
        counts.count(deadLetter);
        send(new Sending(deadLetter, DeadLetterForm.WHOLE));
    }

    /** Returns once every dead letter is with the broker. */
    @Override
    public void flush(boolean endOfInput) throws IOException {
        do {
            producer.flush();
            // The flush ran every answer, so that no refusal can still be on its way.
        } while (sendRefused());
        throwFailure();
    }

    @Override
    public void close() {
        closed = true;
        // What is not with the broker yet belongs to no checkpoint and is read again.
        producer.close(Duration.ZERO);
    }

    private void send(Sending sending) {
        producer.send(
                sending.form.of(sending.deadLetter, topic),
                (written, exception) -> {
                    if (exception != null && !closed) {
                        notSent(sending, exception);
                    }
                });
    }

    private void notSent(Sending sending, Exception exception) {
        DeadLetterForm smaller = sending.form.smaller(sending.deadLetter);
        if (tooLarge(exception) && smaller != null) {
            refused.add(new Sending(sending.deadLetter, smaller));
            mailbox.execute(this::sendRefused, "send a dead letter in a smaller form");
        } else {
            failure.compareAndSet(null, exception);
            mailbox.execute(this::throwFailure, "fail for a dead letter that cannot be written");
        }
    }

    /** Too large for the producer or the broker, or for one segment of the broker's log. */
    private static boolean tooLarge(Exception exception) {
        return exception instanceof RecordTooLargeException
                || exception instanceof RecordBatchTooLargeException;
    }

    /** Returns whether there were any. */
    private boolean sendRefused() {
        boolean any = false;
        for (Sending next = refused.poll(); next != null && !closed; next = refused.poll()) {
            send(next);
            any = true;
        }
        return any;
    }

    private void throwFailure() throws IOException {
        Exception first = failure.get();
        if (first != null && !closed) {
            throw new IOException("Could not write a dead letter to " + topic, first);
        }
    }

    /** A dead letter on its way, and how much of it. */
    private static final class Sending {
        private final InputRecord deadLetter;
        private final DeadLetterForm form;

        private Sending(InputRecord deadLetter, DeadLetterForm form) {
            this.deadLetter = deadLetter;
            this.form = form;
        }
    }
}
