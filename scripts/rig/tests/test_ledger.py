"""The ledger is an oracle, so each kind of difference has to be seen to be found."""

from __future__ import annotations

import json

import pytest

from rig.ledger import Account
from rig.records import Acknowledged, Origin, StoredRecord

VALUE_IN = b'{"uid":"u"}'


def origin(offset: int) -> Origin:
    return Origin("in/side", 3, offset)


def output(offset: int, seq: int, session: str = "u_1", at: int | None = None) -> StoredRecord:
    """The output of the input record at the offset, standing at the offset `at`."""
    return StoredRecord(
        key=session.encode(),
        value=json.dumps({"session_id": session, "seq_in_session": seq}).encode(),
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


def account(records_in: int = 3) -> Account:
    account = Account()
    account.enter_in(Acknowledged.of(origin(offset), VALUE_IN) for offset in range(records_in))
    return account


@pytest.fixture
def sound() -> Account:
    """Two outputs of a session and a dead letter."""
    sound = account()
    sound.enter_out(output(0, seq=1))
    sound.enter_out(output(1, seq=2))
    sound.enter_dead(dead_letter(2))
    return sound


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
    sound.enter_out(output(7, seq=3))
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
    assert sound.differences() == {"sessions not counted 1 to n": ["u_1: [1, 2, 4]"]}


def test_event_that_rides_along_is_not_counted(sound):
    sound.enter_in([Acknowledged.of(origin(3), VALUE_IN)])
    sound.enter_out(output(3, seq=0))
    assert sound.differences() == {}
