"""Bad records of every reason: each a dead letter, and nothing else changes."""

from __future__ import annotations

import hashlib
import json
import random
import time
from typing import NamedTuple

from bench import labels, values

from rig import load
from rig.ledger import ERRORS, REASON, TRUNCATED, TRUNCATED_SHA256
from rig.records import Record

HOUR_MS = 3_600_000
TOO_LARGE = 900 * 1024 + 1
# The most that a broker with its default limit takes as a record with a short key.
LARGEST_RECORD = 1_048_476
# Two partitions hold good records, one of them bad ones too; the third holds bad ones only.
GOOD, MIXED, BAD_ONLY = 0, 1, 2


class Bad(NamedTuple):
    name: str
    value: bytes | None
    reason: str
    compression: str = "none"
    # The broker refuses even the dead letter.
    truncated: bool = False


def event(uid: str = "bad", log_name: str = "CLICK", ts: object = load.START_MS) -> bytes:
    return json.dumps({"uid": uid, "log_name": log_name, "ts": ts}).encode()


def padded(size: int) -> bytes:
    """A valid event of that many bytes, easy to compress."""
    head = event()[:-1] + b', "padding": "'
    return head + b"x" * (size - len(head) - 2) + b'"}'


BAD = (
    Bad("not json", b"not json", "invalid_json"),
    Bad("empty value", b"", "invalid_json"),
    Bad("null value", None, "null_value"),
    Bad("array", b"[]", "not_an_object"),
    Bad("no uid", b'{"log_name":"CIN","ts":1734144000000}', "missing_key"),
    Bad("no log_name", b'{"uid":"bad","ts":1734144000000}', "missing_log_name"),
    Bad("no ts", b'{"uid":"bad","log_name":"CIN"}', "missing_ts"),
    Bad("ts is a word", event(ts="soon"), "invalid_ts"),
    Bad("ts in seconds", event(ts=load.START_MS // 1000), "invalid_ts"),
    Bad("ts in the future", event(ts=load.YEAR_2100_MS), "future_ts"),
    Bad("a byte too large", padded(TOO_LARGE), "too_large"),
    Bad("as large as can be", padded(LARGEST_RECORD), "too_large"),
    Bad(
        "as large as can be, incompressible",
        random.Random(1).randbytes(LARGEST_RECORD),
        "too_large",
        truncated=True,
    ),
    Bad("5 MB in a few kB", padded(5 * 1024 * 1024), "too_large", compression="gzip"),
)


def good(hours: float, users: str = "good") -> list[Record]:
    """Three events for each of three users in each of the two partitions."""
    return [
        Record(
            key=user.encode(),
            value=event(user, log_name, load.START_MS + round(hours * HOUR_MS) + step * 60_000),
            partition=partition,
        )
        for step, log_name in enumerate(("CIN", "CLICK", "COUT"))
        for partition in (GOOD, MIXED)
        for user in (f"{users}-{partition}-{number}" for number in range(3))
    ]


def test_bad_records_become_dead_letters(bench, note):
    """Each bad record is a dead letter as it came; users, watermarks and the job do not notice."""
    headers = (("trace", b"a"), ("trace", b"b"), ("nothing", None))
    at_ms = int(time.time() * 1000) - 60_000
    options = ("--idle-timeout", "2s")
    with bench.pipeline(*options, partitions=3, parallelism=2) as pipeline:
        expected = {}

        def send_bad(bad: Bad, partition: int) -> None:
            index = len(expected)
            record = Record(b"k%d" % index, bad.value, headers, at_ms + index, partition)
            [sent] = pipeline.send([record], compression_type=bad.compression)
            expected[sent.origin] = bad, record

        sent_good = []
        among = good(0)
        for index, bad in enumerate(BAD):
            sent_good += pipeline.send(among[index : index + 1])
            send_bad(bad, MIXED)
            send_bad(bad, BAD_ONLY)
        sent_good += pipeline.send(among[len(BAD) :])
        sessions = {label["session_id"] for label in labels(pipeline.account(), sent_good)}
        assert len(sessions) == 6

        # The watermark of two partitions passes the expiry of all sessions, while the third goes
        # on to have bad records and nothing else.
        pipeline.send(good(10, users="later"))
        pipeline.wait_for_closed(sessions, meanwhile=lambda: send_bad(BAD[0], BAD_ONLY))

        account = pipeline.account()
        assert account.differences() == {}
        assert account.dead.keys() == expected.keys()
        for origin, (bad, record) in expected.items():
            [dead_letter] = account.dead[origin]
            assert_kept(dead_letter, bad, record)
        pipeline.assert_never_failed()
        values_among_bad = values(account, sent_good)

    with bench.pipeline(*options, partitions=3, parallelism=2) as pipeline:
        sent_alone = pipeline.send(among)
        values_alone = values(pipeline.account(), sent_alone)
    assert values_among_bad == values_alone
    reasons = {bad.reason for bad in BAD}
    note(f"{len(expected)} bad records of {len(reasons)} reasons, 6 sessions closed")


def assert_kept(dead_letter, bad: Bad, record: Record) -> None:
    """The dead letter is the record as it came, with its reason."""
    assert dead_letter.header(REASON) == bad.reason, bad.name
    assert dead_letter.header(ERRORS + "exception.message"), bad.name
    own = tuple(each for each in dead_letter.headers if not each[0].startswith(ERRORS))
    assert own == record.headers, bad.name
    assert dead_letter.key == record.key, bad.name
    assert dead_letter.timestamp_ms == record.timestamp_ms, bad.name
    if bad.truncated:
        assert not dead_letter.value, bad.name
        assert dead_letter.header(TRUNCATED) == "true", bad.name
        assert dead_letter.header(ERRORS + "value.length") == str(len(record.value)), bad.name
        sha256 = hashlib.sha256(record.value).hexdigest()
        assert dead_letter.header(TRUNCATED_SHA256) == sha256, bad.name
    else:
        assert dead_letter.value == record.value, bad.name
        assert dead_letter.header(TRUNCATED) is None, bad.name
