"""The ledger is an oracle, so each kind of difference has to be seen to be found."""

from __future__ import annotations

import json

import pytest

from rig.ledger import Account, Promise, verdict
from rig.records import Acknowledged, Origin, StoredRecord

VALUE_IN = b'{"uid":"u"}'


def origin(offset: int) -> Origin:
    return Origin("in/side", 3, offset)


def output(offset: int, seq: int, session: str = "u_1", at: int | None = None) -> StoredRecord:
    """The output of the input record at the offset, standing at the offset `at`."""
    label = {
        "session_id": session,
        "session_start_ts": 1,
        "session_last_ts": seq,
        "session_expire_at": seq + 30,
        "seq_in_session": seq,
    }
    return StoredRecord(
        key=session.encode(),
        value=json.dumps(label).encode(),
        headers=(("session.origin", str(origin(offset)).encode()),),
        origin=Origin("out", 0, offset if at is None else at),
    )


def dead_letter(
    offset: int, value: bytes | None = VALUE_IN, more: tuple = (), reason: str = "invalid_json"
) -> StoredRecord:
    source = origin(offset)
    headers = {
        "reason": reason,
        "topic": source.topic,
        "partition": str(source.partition),
        "offset": str(source.offset),
    }
    return StoredRecord(
        key=b"u",
        value=value,
        headers=(*((f"__connect.errors.{name}", text.encode()) for name, text in headers.items()),)
        + more,
        origin=Origin("dead", 0, offset),
    )


def close_record(at: int = 0, **said: object) -> StoredRecord:
    """The close record of the session of two events, but for what is `said`."""
    content = {
        "session_id": "u_1",
        "session_start_ts": 1,
        "session_last_ts": 2,
        "session_expire_at": 32,
        "event_count": 2,
        "log_names": {"CIN": 1, "*": 1},
        **said,
    }
    return StoredRecord(Origin("closed", 0, at), b"u_1", json.dumps(content).encode())


def account(records_in: int = 3, **promised: bool) -> Account:
    account = Account(Promise(**promised))
    account.enter_in(Acknowledged.of(origin(offset), VALUE_IN) for offset in range(records_in))
    return account


def sound_under(**promised: bool) -> Account:
    """Two outputs of a session, its close record, and a dead letter."""
    sound = account(**promised)
    sound.enter_out(output(0, seq=1))
    sound.enter_out(output(1, seq=2))
    sound.enter_closed(close_record())
    sound.enter_dead(dead_letter(2))
    return sound


@pytest.fixture
def sound() -> Account:
    return sound_under()


def test_sound(sound):
    assert sound.balanced
    assert sound.differences() == {}
    assert sound.repeats == 0
    assert sound.reasons() == {"invalid_json": 1}


def test_missing(sound):
    sound.enter_in([Acknowledged.of(origin(7), VALUE_IN)])
    assert not sound.balanced
    assert sound.differences() == {"missing": ["in/side/3/7"]}


def test_invented(sound):
    sound.enter_out(output(7, seq=1, session="u_2"))
    assert sound.differences() == {"invented": ["in/side/3/7"]}


def test_without_an_origin(sound):
    sound.enter_out(StoredRecord(Origin("out", 0, 9), b"u_1", b"{}"))
    assert sound.differences() == {"without an origin": ["out/0/9"]}


def test_both_out_and_dead(sound):
    sound.enter_dead(dead_letter(1))
    assert sound.differences() == {"both out and dead": ["in/side/3/1"]}


def test_identical_repeat_is_no_difference(sound):
    sound.enter_out(output(1, seq=2, at=9))
    assert sound.repeats == 1
    assert sound.differences() == {}


def test_repeat_with_other_bytes(sound):
    sound.enter_out(output(0, seq=4, at=9))
    sound.enter_out(output(0, seq=1, at=10))
    assert sound.differences() == {"repeated with other bytes": ["in/side/3/0"]}


def test_repeat_with_other_bytes_may_be_where_events_are_late():
    late = sound_under(equal_repeats=False)
    late.enter_out(output(0, seq=4, at=9))
    late.enter_out(output(0, seq=1, at=10))
    assert late.differences() == {}
    assert late.counts()["repeated with other bytes"] == 1


def test_of_repeats_the_last_counts():
    late = account(1, equal_repeats=False)
    late.enter_out(output(0, seq=1))
    late.enter_out(output(0, seq=2, at=9))
    assert late.differences() == {"sessions not counted 1 to n": ["u_1: [2]"]}


def test_exactly_once_allows_no_repeat():
    twice = sound_under(exactly_once=True)
    twice.enter_dead(dead_letter(2))
    assert twice.differences() == {}
    twice.enter_out(output(1, seq=2, at=9))
    twice.enter_closed(close_record(at=9))
    assert twice.differences() == {
        "repeated in spite of exactly-once": ["in/side/3/1, 2 times", "u_1, 2 times"]
    }


@pytest.mark.parametrize(
    "said",
    [
        {"event_count": 3, "log_names": {"CIN": 3}},
        {"session_start_ts": 0},
        {"session_last_ts": 1},
        {"session_expire_at": 33},
        {"log_names": {"CIN": 1}},
        {"session_id": "u_2"},
    ],
)
def test_close_record_that_disagrees(said):
    closed = sound_under()
    closed.closed.clear()
    closed.enter_closed(close_record(**said))
    assert list(closed.differences()) == ["close records that disagree"]


def test_session_cut_short_by_the_next_one(sound):
    sound.closed.clear()
    sound.enter_closed(close_record(session_expire_at=20))
    assert sound.differences() == {}


def test_second_reading(sound):
    places = [copy.origin for side in (sound.out, sound.dead) for [copy] in side.values()]
    places += [Origin("closed", 0, 0), Origin("out", 0, 70), Origin("out", 0, 71)]
    sound.confirm(places)
    assert sound.uncommitted == 2
    assert sound.differences() == {}
    sound.confirm(place for place in places if place.topic != "closed")
    assert sound.differences() == {"gone at the second reading": ["closed/0/0"]}


def test_verdict_names_the_first_differences(sound):
    sound.enter_in([Acknowledged.of(origin(offset), VALUE_IN) for offset in range(3, 13)])
    said = verdict(sound)
    assert not said["passed"]
    assert said["in"] == 13
    assert said["differences"] == {"missing": 10}
    assert said["first"] == {"missing": [str(origin(offset)) for offset in range(3, 8)]}


def test_changed_dead_letter():
    changed = account(1)
    changed.enter_dead(dead_letter(0, value=b'{"uid":"w"}'))
    assert changed.differences() == {"dead letters with other bytes": ["in/side/3/0, as dead/0/0"]}


@pytest.mark.parametrize(("of", "holds"), [(VALUE_IN, True), (b"another", False)])
def test_truncated_dead_letter_is_known_by_its_sha256(of, holds):
    more = (
        ("__connect.errors.truncated", b"true"),
        ("__connect.errors.value.sha256", Acknowledged.of(origin(0), of).sha256.encode()),
    )
    truncated = account(1)
    truncated.enter_dead(dead_letter(0, value=None, more=more))
    assert (truncated.differences() == {}) is holds


def test_gap_in_a_session(sound):
    sound.enter_in([Acknowledged.of(origin(3), VALUE_IN)])
    sound.enter_out(output(3, seq=4))
    sound.closed.clear()
    assert sound.differences() == {"sessions not counted 1 to n": ["u_1: [1, 2, 4]"]}


def test_event_that_rides_along_is_not_counted(sound):
    sound.enter_in([Acknowledged.of(origin(3), VALUE_IN)])
    sound.enter_out(output(3, seq=0))
    assert sound.differences() == {}
