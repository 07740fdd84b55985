package com.main.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.main.LogLines;
import com.main.core.StepReply.ClosedBy;
import com.main.core.StepReply.EmissionKind;
import com.main.core.StepReply.StateChange;
import java.util.Arrays;
import java.util.Collections;
import org.apache.logging.log4j.Level;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The real library, through real bytes. */
class SessionCoreTest {
    private static final long NOON_MS = 1_734_145_200_000L;
    private static final long NO_RECORD_TIME = -1;
    private static final int FIRST_BUFFER_SIZE = 64 * 1024;
    private static final int LONGEST_KEY = 1024;

    private final SessionCore core = open(new CoreOptions());

    @AfterEach
    void close() {
        core.close();
    }

    @Test
    void noValueAndAnEmptyOneAreDeadLettersOfDifferentReasons() {
        assertThat(reasonOf(decode(core, null))).isEqualTo("null_value");
        assertThat(reasonOf(decode(core, new byte[0]))).isEqualTo("invalid_json");
    }

    @Test
    void aRecordGoesFromDecodeToItsLabelAndItsTimer() {
        byte[] record = record("u1", NOON_MS);
        DecodeReply decoded = decode(core, record);
        assertThat(decoded.event()).isTrue();
        assertThat(decoded.key()).isEqualTo("u1");
        assertThat(decoded.eventTimeMs()).isEqualTo(NOON_MS);

        StepReply step = core.onEvent(null, decoded.found(), record);
        assertThat(step.stateChange()).isEqualTo(StateChange.PUT);
        byte[] state = step.state();
        long timerMs = step.registerTimerMs();
        assertThat(timerMs).isGreaterThan(NOON_MS);
        assertThat(step.nextEmission()).isTrue();
        assertThat(step.emissionKind()).isEqualTo(EmissionKind.OUTPUT);
        assertThat(text(step.emissionKey())).isEqualTo("u1_" + NOON_MS);
        assertThat(step.nextEmission()).isFalse();

        StepReply early = core.onTimer(state, "u1", timerMs - 1, timerMs - 1);
        assertThat(early.stateChange()).isEqualTo(StateChange.PUT);
        assertThat(early.state()).isEqualTo(state);
        StepReply due = core.onTimer(state, "u1", timerMs, timerMs);
        assertThat(due.stateChange()).isEqualTo(StateChange.CLEAR);
        assertThat(due.nextEmission()).isTrue();
        assertThat(due.emissionKind())
                .as("no close records were asked for")
                .isEqualTo(EmissionKind.CLOSED);
        assertThat(due.closedBy()).isEqualTo(ClosedBy.TIMEOUT);
        assertThat(due.nextEmission()).isFalse();
    }

    @Test
    void bothBuffersGrowWithARecordAndServeSmallOnesAfterwards() {
        byte[] record = recordOfLength(5 * FIRST_BUFFER_SIZE);

        StepReply step = core.onEvent(null, decode(core, record).found(), record);

        assertThat(step.nextEmission()).isTrue();
        String output = text(step.emissionValue());
        assertThat(output)
                .startsWith(text(record).substring(0, record.length - 1))
                .endsWith("\"seq_in_session\":1}");
        assertThat(seqOf(null, record("u1", NOON_MS))).isEqualTo(1);
    }

    @Test
    void aReplyThatOutgrowsItsBufferIsAskedForAgain() {
        // The request fits the first buffer to the byte, the output is longer.
        int foundLength = decode(core, recordOfLength(FIRST_BUFFER_SIZE - 100)).found().length;
        byte[] record = recordOfLength(FIRST_BUFFER_SIZE - foundLength);

        StepReply step = core.onEvent(null, decode(core, record).found(), record);

        assertThat(step.nextEmission()).isTrue();
        assertThat(step.emissionValue()).hasSizeGreaterThan(FIRST_BUFFER_SIZE);
        assertThat(text(step.emissionValue())).endsWith("\"seq_in_session\":1}");
    }

    @Test
    void theLongestKeyIsTakenWholeAndALongerOneIsADeadLetter() {
        String key = String.join("", Collections.nCopies(LONGEST_KEY / 4, "\uD83D\uDE00"));
        assertThat(key.getBytes(UTF_8)).hasSize(LONGEST_KEY);
        byte[] record = record(key, NOON_MS);
        DecodeReply decoded = decode(core, record);
        assertThat(decoded.key()).isEqualTo(key);

        StepReply step = core.onEvent(null, decoded.found(), record);
        byte[] state = step.state();
        long timerMs = step.registerTimerMs();
        assertThat(step.nextEmission()).isTrue();
        assertThat(text(step.emissionKey())).isEqualTo(key + "_" + NOON_MS);
        assertThat(core.onTimer(state, key, timerMs, timerMs).stateChange())
                .isEqualTo(StateChange.CLEAR);

        assertThat(reasonOf(decode(core, record(key + "x", NOON_MS)))).isEqualTo("missing_key");
    }

    @Test
    void stateThatCannotBeReadFailsWithASentence() {
        byte[] record = record("u1", NOON_MS);
        byte[] found = decode(core, record).found();
        byte[] state = core.onEvent(null, found, record).state();
        byte[] cutOff = Arrays.copyOf(state, state.length - 1);
        byte[] newer = state.clone();
        newer[1] = 2;
        byte[] foreign = state.clone();
        foreign[0] = 'X';

        assertThatThrownBy(() -> core.onEvent(cutOff, found, record))
                .isInstanceOf(SessionCoreException.class)
                .hasMessageStartingWith("the keyed state is damaged (state version 1)");
        assertThatThrownBy(() -> core.onTimer(newer, "u1", NOON_MS, NOON_MS))
                .isInstanceOf(SessionCoreException.class)
                .hasMessageStartingWith(
                        "the keyed state was written by a newer release (state version 2,");
        assertThatThrownBy(() -> core.onEvent(foreign, found, record))
                .isInstanceOf(SessionCoreException.class)
                .hasMessage("the keyed state was not written by this job");
        assertThat(seqOf(state, record)).as("the core goes on").isEqualTo(2);
    }

    @Test
    void whatDecodeDidNotMakeIsRefused() {
        byte[] record = record("u1", NOON_MS);
        assertThatThrownBy(() -> core.onEvent(null, new byte[] {1}, record))
                .isInstanceOf(SessionCoreException.class)
                .hasMessageContaining("its own decode did not make");
    }

    @Test
    void aClosedCoreTakesNoCallAndMayBeClosedAgain() {
        core.close();
        core.close();

        byte[] record = record("u1", NOON_MS);
        assertThatIllegalStateException().isThrownBy(() -> decode(core, record));
        assertThatIllegalStateException().isThrownBy(() -> core.onEvent(null, record, record));
        assertThatIllegalStateException()
                .isThrownBy(() -> core.onTimer(null, "u1", NOON_MS, NOON_MS));
    }

    @Test
    void coresSideBySideKeepTheirOwnOptionsAndBuffers() {
        try (SessionCore strict = open(new CoreOptions().maxRecordSize(10));
                SessionCore other = open(new CoreOptions())) {
            byte[] record = record("u1", NOON_MS);
            DecodeReply held = decode(core, record);
            assertThat(reasonOf(decode(strict, record))).isEqualTo("too_large");
            assertThat(decode(other, record("u2", NOON_MS)).key()).isEqualTo("u2");
            assertThat(held.key()).isEqualTo("u1");
        }
        assertThat(decode(core, record("u3", NOON_MS)).key()).isEqualTo("u3");
    }

    @Test
    void optionsTheCoreDoesNotKnowAreRefusedAllAtOnce() {
        CoreOptions wrong = new CoreOptions().logFilter("loud").rules("[]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> open(wrong))
                .withMessageContaining("log_filter")
                .withMessageContaining("loud")
                .withMessageContaining("rules: not an object");
    }

    @Test
    void whatTheCoreLogsReachesTheLoggerOfItsTarget() {
        try (LogLines lines = LogLines.of("wire.core", Level.INFO);
                SessionCore quiet = open(new CoreOptions().logFilter("warn"));
                SessionCore talking = open(new CoreOptions())) {
            decode(quiet, record("u1", NOON_MS));
            assertThat(lines.texts()).isEmpty();
            decode(talking, record("u1", NOON_MS));
            decode(talking, record("u1", NOON_MS));
            assertThat(lines.texts()).hasSize(1);
            assertThat(lines.texts().get(0)).startsWith("INFO session core opened");
        }
    }

    private static SessionCore open(CoreOptions options) {
        return SessionCore.open(options, null);
    }

    private static DecodeReply decode(SessionCore core, byte[] value) {
        return core.decode(value, NO_RECORD_TIME, NOON_MS);
    }

    private static String reasonOf(DecodeReply reply) {
        assertThat(reply.event()).isFalse();
        return reply.reason();
    }

    /** The position of an event in its session. */
    private int seqOf(byte[] state, byte[] record) {
        StepReply step = core.onEvent(state, decode(core, record).found(), record);
        assertThat(step.nextEmission()).isTrue();
        String seq = text(step.emissionValue()).replaceAll(".*\"seq_in_session\":(\\d+).*", "$1");
        return Integer.parseInt(seq);
    }

    private static byte[] record(String key, long atMs) {
        String json = "{\"uid\":\"%s\",\"log_name\":\"CLICK\",\"ts\":%d}";
        return String.format(json, key, atMs).getBytes(UTF_8);
    }

    private static byte[] recordOfLength(int length) {
        String front = "{\"uid\":\"u1\",\"log_name\":\"CLICK\",\"ts\":" + NOON_MS + ",\"note\":\"";
        char[] note = new char[length - front.length() - 2];
        Arrays.fill(note, 'n');
        return (front + new String(note) + "\"}").getBytes(UTF_8);
    }

    private static String text(byte[] utf8) {
        return new String(utf8, UTF_8);
    }
}
