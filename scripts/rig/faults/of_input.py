"""Faults of what is sent: bad records, bad times, loads that lean to one side."""

from __future__ import annotations

import json
import random
import time

from rig import ledger, load
from rig.faults.catalogue import BOTH, fault
from rig.faults.trial import Trial
from rig.records import Record


def event(**fields: object) -> bytes:
    content = {"uid": "bad", "log_name": "CLICK", "ts": load.START_MS, **fields}
    return json.dumps(content).encode()


# Thirty kinds of records that are no events, with the reason each has to get.
POISON: list[tuple[bytes | None, str]] = [
    (None, "null_value"),
    (b"", "invalid_json"),
    (b"   ", "invalid_json"),
    (b"not json", "invalid_json"),
    (event()[:-1], "invalid_json"),
    (event() + b"}", "invalid_json"),
    (b"\xef\xbb\xbf" + event(), "invalid_json"),
    (event(note="caf\u00e9").replace(rb"\u00e9", b"\xe9"), "invalid_json"),
    (event().decode().encode("utf-16"), "invalid_json"),
    (b"\x00" * 64, "invalid_json"),
    (b'{"uid":"bad","log_name":"CIN","ts":NaN}', "invalid_json"),
    (
        b'{"uid":"bad","log_name":"CIN","ts":1734144000000,"deep":%s}' % (b"[" * 200 + b"]" * 200),
        "invalid_json",
    ),
    (b"[" * 100_000, "invalid_json"),
    (rb'{"uid":"\ud800","log_name":"CIN","ts":1734144000000}', "invalid_json"),
    (b"[]", "not_an_object"),
    (b'"text"', "not_an_object"),
    (b"null", "not_an_object"),
    (event(uid=None), "missing_key"),
    (event(uid=""), "missing_key"),
    (event(uid={"id": 1}), "missing_key"),
    (event(uid=1.5), "missing_key"),
    (event(uid="x" * 2000), "missing_key"),
    (event(log_name=7), "missing_log_name"),
    (event(log_name="x" * 300), "missing_log_name"),
    (b'{"uid":"bad","log_name":"CIN"}', "missing_ts"),
    (event(ts="soon"), "invalid_ts"),
    (event(ts=load.START_MS // 1000), "invalid_ts"),
    (event(ts=load.START_MS * 1000), "invalid_ts"),
    (b'{"uid":"bad","log_name":"CIN","ts":1e400}', "invalid_ts"),
    (event(padding="x" * 950_000), "too_large"),
]


@fault("poison records of thirty kinds among good ones", deliveries=BOTH, ci=True)
def poison_records(trial: Trial) -> ledger.Account:
    assert len(POISON) == 30
    trial.begin()
    chance = random.Random(trial.seed)
    to_send = trial.generated()
    expected: dict[int, str] = {}
    # The records are large in part, so each kind comes a few times only.
    for value, reason in POISON * 5:
        place = chance.randrange(len(to_send))
        key = b"poison-%d" % len(expected)
        to_send.insert(place, Record(key, value))
        expected[len(expected)] = reason
    with trial.under_load(30, to_send, compression_type="lz4"):
        trial.strike(f"{len(expected)} poison records")
    trial.lift("no more of them")
    account = trial.account()
    for [*_, dead] in account.dead.values():
        if dead.key.startswith(b"poison-"):
            reason = expected.pop(int(dead.key.partition(b"-")[2]))
            said = dead.header(ledger.REASON)
            assert said == reason, f"{dead.key}: {said}, not {reason}"
    assert not expected, f"no dead letter of {expected}"
    assert trial.restarts() == 0, "the job restarted"
    return account


@fault("event times of the year 2100 among good ones")
def future_timestamps(trial: Trial) -> ledger.Account:
    trial.begin()
    chance = random.Random(trial.seed)
    expected = trial.expected()
    latest = max(json.loads(each.record.value)["ts"] for each in expected if not each.reason)
    to_send = [each.record for each in expected]
    for number in range(500):
        future = event(uid=f"future-{number}", ts=load.YEAR_2100_MS + number)
        to_send.insert(chance.randrange(len(to_send)), Record(b"future", future))
    with trial.under_load(30, to_send):
        trial.strike("500 records of the year 2100")
    trial.lift("no more of them")
    account = trial.account()
    assert account.reasons()["future_ts"] >= 500
    # Event time went no further than the good events took it.
    for [*_, closed] in account.closed.values():
        expires = json.loads(closed.value)["session_expire_at"]
        assert expires <= latest, f"closed before its time: {closed.value}"
    assert trial.restarts() == 0, "the job restarted"
    return account


@fault("90 % of the traffic from one user, and a TaskManager killed", deliveries=BOTH)
def one_hot_user(trial: Trial) -> None:
    trial.begin()
    with trial.under_load(45, trial.generated(hot_share=0.9)):
        time.sleep(15)
        trial.strike("TaskManager killed")
        trial.cluster.kill_task_manager()
        trial.cluster.start_task_manager()
        trial.lift("a new process is there")
        trial.cluster.wait()


@fault("a hundred thousand timers due at one watermark", deliveries=BOTH)
def many_timers_at_once(trial: Trial) -> None:
    users = trial.count // 2
    # All in one partition, so that one record moves event time for all; the source without a
    # partition holds it back until it counts as silent.
    trial.make_topics(partitions=1)
    trial.submit(interval="2s", idle_timeout="2s")

    def wave(at_ms: int) -> list[Record]:
        return [
            Record(b"t%d" % user, event(uid=f"t{user}", log_name="CIN", ts=at_ms))
            for user in range(users)
        ]

    with trial.under_load(15, wave(load.START_MS)):
        pass
    trial.account()
    trial.wait_for_checkpoint()
    day_ms = 24 * 3_600_000
    trial.strike("event time jumps by a day")
    trial.lift("event time jumps by a day")
    with trial.under_load(15, wave(load.START_MS + day_ms)):
        began = time.monotonic()
        trial.wait_for_checkpoint()
        trial.note(f"next checkpoint after {time.monotonic() - began:.1f} s")
    closed = trial.sessions_closed(users)
    assert closed == users, f"{closed} of {users} sessions closed"
    assert trial.restarts() == 0, "the job restarted"
