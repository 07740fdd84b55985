package com.main.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.main.core.StepReply.ClosedBy;
import com.main.core.StepReply.EmissionKind;
import com.main.core.StepReply.Outcome;
import com.main.core.StepReply.StateChange;
import com.main.core.StepReply.Subject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.junit.jupiter.api.Test;

/** Reads the frames of rust-core/wire/tests/golden, whose README.md says what they come from. */
class ReplyTest {
    private static final Path GOLDEN =
            Paths.get(System.getProperty("project.basedir"), "rust-core/wire/tests/golden");

    @Test
    void anEventHasItsKeyItsTimeAndWhatWasFound() throws IOException {
        DecodeReply reply = decodeReply("decode_event_v1.hex");

        assertThat(reply.event()).isTrue();
        assertThat(reply.key()).isEqualTo("u1");
        assertThat(reply.eventTimeMs()).isEqualTo(1_734_144_000_000L);
        assertThat(reply.found())
                .isEqualTo(bytes("02 75 31 03 43 49 4e 80 80 cc b0 f8 64 00 42 01 2f 42"));
    }

    @Test
    void aDeadLetterHasItsReasonAndItsDetail() throws IOException {
        DecodeReply reply = decodeReply("decode_dead_letter_v1.hex");

        assertThat(reply.event()).isFalse();
        assertThat(reply.failure()).isFalse();
        assertThat(reply.reason()).isEqualTo("missing_ts");
        assertThat(reply.detail()).isEqualTo("no \"ts\"");
    }

    @Test
    void aStepMayPutStateAndMoveTheTimer() throws IOException {
        StepReply reply = stepReply("step_v1.hex");

        assertThat(reply.stateChange()).isEqualTo(StateChange.PUT);
        assertThat(reply.state())
                .isEqualTo(
                        bytes(
                                "53 01 01 e0 2a ae c0 93 01 00 00 01 1b 80 a1 88 c0 93 01 00 00"
                                        + " 00 e0 d4 03 80 dd db 01 e0 d4 03 02 04 43 4f 55 54"
                                        + " 02 03 43 49 4e 01 04 43 4f 55 54 01"));
        assertThat(reply.deleteTimerMs()).isEqualTo(1_734_113_400_000L);
        assertThat(reply.registerTimerMs()).isEqualTo(1_734_104_460_000L);
        assertThat(reply.nextEmission()).isTrue();
        assertThat(reply.emissionKind()).isEqualTo(EmissionKind.OUTPUT);
        assertThat(reply.outcome()).isEqualTo(Outcome.CONTINUED);
        assertThat(text(reply.emissionKey())).isEqualTo("u1_1734102000000");
        assertThat(text(reply.emissionValue()))
                .isEqualTo(
                        "{\"uid\":\"u1\",\"log_name\":\"COUT\",\"ts\":1734102060000,"
                                + "\"ts_str\":\"2024-12-14T00:01:00.000+0900\","
                                + "\"session_id\":\"u1_1734102000000\","
                                + "\"session_start_ts\":1734102000000,"
                                + "\"session_last_ts\":1734102060000,"
                                + "\"session_expire_at\":1734103860000,"
                                + "\"seq_in_session\":2}");
        assertThat(reply.nextEmission()).isFalse();
    }

    @Test
    void aStepMayClearTheStateAndLeaveTheTimerAlone() throws IOException {
        StepReply reply = stepReply("step_clear_v1.hex");

        assertThat(reply.stateChange()).isEqualTo(StateChange.CLEAR);
        assertThat(reply.state()).isEmpty();
        assertThat(reply.deleteTimerMs()).isEqualTo(StepReply.NO_TIMER);
        assertThat(reply.registerTimerMs()).isEqualTo(StepReply.NO_TIMER);
        assertThat(reply.nextEmission()).isTrue();
        assertThat(reply.emissionKind()).isEqualTo(EmissionKind.CLOSE_RECORD);
        assertThat(reply.closedBy()).isEqualTo(ClosedBy.TIMEOUT);
        assertThat(text(reply.emissionKey())).isEqualTo("u1_1734102000000");
        assertThat(text(reply.emissionValue()))
                .startsWith("{\"session_id\":\"u1_1734102000000\",")
                .endsWith(",\"closed_by\":\"timeout\"}");
        assertThat(reply.nextEmission()).isFalse();
    }

    @Test
    void aStepMayGiveMoreThanOneRecord() throws IOException {
        StepReply reply = stepReply("step_evict_v1.hex");

        assertThat(reply.stateChange()).isEqualTo(StateChange.PUT);
        assertThat(reply.state()).hasSize(252);
        assertThat(reply.nextEmission()).isTrue();
        assertThat(reply.emissionKind()).isEqualTo(EmissionKind.OUTPUT);
        assertThat(text(reply.emissionKey())).isEqualTo("u1_1734130800000");
        assertThat(text(reply.emissionValue())).endsWith(",\"seq_in_session\":1}");
        assertThat(reply.nextEmission()).isTrue();
        assertThat(reply.emissionKind()).isEqualTo(EmissionKind.CLOSE_RECORD);
        assertThat(reply.closedBy()).isEqualTo(ClosedBy.TIMEOUT);
        assertThat(text(reply.emissionKey())).isEqualTo("u1_1734102000000");
        assertThat(text(reply.emissionValue())).endsWith(",\"closed_by\":\"timeout\"}");
        assertThat(reply.nextEmission()).isFalse();
    }

    @Test
    void aStepMayTellOfSessionsThatCloseWithoutARecord() throws IOException {
        StepReply reply = stepReply("step_closed_v1.hex");

        assertThat(reply.stateChange()).isEqualTo(StateChange.PUT);
        assertThat(reply.nextEmission()).isTrue();
        assertThat(reply.emissionKind()).isEqualTo(EmissionKind.OUTPUT);
        assertThat(reply.outcome()).isEqualTo(Outcome.STARTED);
        assertThat(reply.nextEmission()).isTrue();
        assertThat(reply.emissionKind()).isEqualTo(EmissionKind.CLOSED);
        assertThat(reply.closedBy()).isEqualTo(ClosedBy.EVICTED);
        assertThat(reply.emissionKey()).isEmpty();
        assertThat(reply.nextEmission()).isFalse();
    }

    @Test
    void aStepMayGiveEventsThatWaited() throws IOException {
        StepReply reply = stepReply("step_waited_v1.hex");

        assertThat(reply.labelledEarly()).isZero();
        assertThat(reply.registerTimerMs()).isEqualTo(1_734_102_060_000L);
        assertThat(reply.nextEmission()).isTrue();
        assertThat(reply.emissionKind()).isEqualTo(EmissionKind.OUTPUT);
        assertThat(reply.subject()).isEqualTo(Subject.WAITED);
        assertThat(reply.waitedPartition()).isZero();
        assertThat(reply.waitedOffset()).isEqualTo(8);
        assertThat(text(reply.waitedCarried())).isEqualTo("carried 8");
        assertThat(reply.subjectValue()).isEmpty();
        assertThat(text(reply.emissionKey())).isEqualTo("u1_1734102000000");
        assertThat(text(reply.emissionValue())).endsWith(",\"seq_in_session\":2}");
        assertThat(reply.nextEmission()).isTrue();
        assertThat(reply.waitedOffset()).isEqualTo(9);
        assertThat(text(reply.emissionValue())).endsWith(",\"seq_in_session\":3}");
        assertThat(reply.nextEmission()).isFalse();
    }

    private static DecodeReply decodeReply(String file) throws IOException {
        DecodeReply reply = new DecodeReply();
        reply.attach(frame(file));
        return reply;
    }

    private static StepReply stepReply(String file) throws IOException {
        StepReply reply = new StepReply();
        reply.attach(frame(file));
        reply.begin();
        return reply;
    }

    private static ByteBuffer frame(String file) throws IOException {
        String hex = new String(Files.readAllBytes(GOLDEN.resolve(file)), UTF_8);
        ByteBuffer frame = ByteBuffer.wrap(bytes(hex)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(frame.get(0)).isEqualTo((byte) DecodeReply.FRAME_VERSION);
        return frame;
    }

    private static byte[] bytes(String hex) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (String one : hex.trim().split("\\s+")) {
            bytes.write(Integer.parseInt(one, 16));
        }
        return bytes.toByteArray();
    }

    private static String text(byte[] utf8) {
        return new String(utf8, UTF_8);
    }
}
