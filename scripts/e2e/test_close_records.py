"""Close records: one for each session and none twice, also when a TaskManager is lost."""

from __future__ import annotations

import json
from typing import NamedTuple

from access_log import access_log
from bench import labels

from rig import load, records
from rig.records import Record

DAY_MS = 86_400_000
RULES = {"log_names": {"PUSH": {"role": "ride_along"}}}
PARTITIONS = 12
RIDE_ALONG_EVERY = 50
OF_SESSION = ("session_id", "session_start_ts", "session_last_ts", "session_expire_at")


class Sent(NamedTuple):
    record: Record
    rides_along: bool


def with_ride_along(lines: list[bytes]) -> list[Sent]:
    """The log, and now and then an event that rides along: with a user, and with nobody."""
    found = []
    for number, line in enumerate(lines):
        found.append(Sent(load.keyed_by_user(line), rides_along=False))
        if number % RIDE_ALONG_EVERY == 0:
            at = json.loads(line)
            for user in (at["uid"], f"nobody-{number}"):
                found.append(Sent(event(user, "PUSH", at["ts"]), rides_along=True))
    return found


def event(user: str, log_name: str, at_ms: int, partition: int | None = None) -> Record:
    value = json.dumps({"uid": user, "log_name": log_name, "ts": at_ms}).encode()
    return Record(user.encode(), value, partition=partition)


def test_one_close_record_a_session(bench, note, tmp_path):
    """An access log, exactly once, with a TaskManager killed in the middle."""
    lines, name = access_log()
    newest_ms = max(json.loads(line)["ts"] for line in lines)
    to_send = with_ride_along(lines)
    half = len(to_send) // 2
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES))
    options = ("--delivery", "exactly-once", "--out-of-orderness", "1h", "--rules", str(rules))
    # More tasks than a TaskManager has slots, so that each of the two has some.
    with bench.pipeline(*options, partitions=PARTITIONS, parallelism=12) as pipeline:
        pipeline.send(each.record for each in to_send[:half])
        pipeline.rest.wait_for_checkpoint(pipeline.job_id)
        pipeline.send(each.record for each in to_send[half:])
        bench.cluster.kill_task_manager()
        bench.cluster.start_task_manager()
        bench.cluster.wait()
        pipeline.account()
        sent = list(pipeline.sent)
        # A day later, in every partition: all sessions close but those of these.
        pipeline.send(
            event(f"driver-{number}", "CLICK", newest_ms + DAY_MS, number)
            for number in range(PARTITIONS)
        )
        account = pipeline.account()
        found = labels(account, sent)
        started = [label["session_id"] for label in found if label["seq_in_session"] == 1]
        pipeline.wait_for_closed(set(started))
        # Whatever would come a second time is committed by then.
        pipeline.rest.wait_for_checkpoint(pipeline.job_id)
        closed = [
            json.loads(record.value)
            for record in records.read(pipeline.servers, pipeline.session_topic)
        ]
        restored = pipeline.rest.checkpoints(pipeline.job_id)["latest"]["restored"]

    assert restored is not None
    assert account.differences() == {}
    assert account.repeats == 0
    assert account.dead == {}
    assert sorted(each["session_id"] for each in closed) == sorted(started)
    assert sum(each["event_count"] for each in closed) == len(lines)
    assert all(sum(each["log_names"].values()) == each["event_count"] for each in closed)
    riding = [
        (label, account.out[each.origin][-1].key)
        for label, each, what in zip(found, sent, to_send)
        if what.rides_along
    ]
    assert_ride_along(riding)
    alone = sum(label["session_id"] is None for label, _ in riding)
    assert 0 < alone < len(riding)
    note(
        f"{len(lines):,} records of {name}, {len(closed):,} close records with as many events, "
        f"{len(riding)} events rode along, {alone} of them alone; a TaskManager killed, 0 repeats"
    )


def assert_ride_along(riding: list[tuple[dict, bytes]]) -> None:
    """Each has the label of the session it falls into, or none; it is counted nowhere."""
    for label, key in riding:
        assert label["seq_in_session"] == 0
        if label["session_id"] is None:
            assert [label[name] for name in OF_SESSION] == [None] * len(OF_SESSION)
            assert key == label["uid"].encode()
        else:
            assert key == label["session_id"].encode()
            assert label["session_start_ts"] <= label["ts"] <= label["session_expire_at"]
