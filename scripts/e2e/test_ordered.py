"""Ordered mode: the same values whatever the order of arrival, the partitions, the parallelism."""

from __future__ import annotations

import json
import random
import time
from collections import Counter, defaultdict
from typing import NamedTuple

import pytest
from bench import PATIENCE_S, Pipeline

from rig import load
from rig.ledger import Account
from rig.records import Record

PARTITIONS = 4
DISORDER_MS = 20 * 60_000
USERS = 120
COUNT = 4_000
# Past every session, and still before the records' own time.
AFTER_ALL_MS = load.START_MS + 30 * 86_400_000
ORDERED = ("--order", "event-time", "--out-of-orderness", f"{DISORDER_MS}ms")
# A partition that is read slowly is not silent.
NEVER_IDLE = ("--idle-timeout", "0")


class Outcome(NamedTuple):
    """What a run wrote: values of log-after and of the session topic."""

    values: list[bytes]
    close_records: list[bytes]


def sorted_values() -> list[bytes]:
    """Events in order of time, then bytes; some at one instant, some the same to the byte."""
    chance = random.Random(11)
    events = []
    at_ms = load.START_MS
    for _ in range(COUNT):
        at_ms += round(chance.expovariate(USERS / 900_000))
        user, log_name = f"user-{chance.randrange(USERS)}", chance.choice(("CLICK", "CIN", "COUT"))
        event = {"uid": user, "log_name": log_name, "ts": at_ms}
        copies = chance.choices((1, 2), (95, 5))[0]
        events += [(at_ms, json.dumps(event).encode())] * copies
        if chance.random() < 0.05:
            events.append((at_ms, json.dumps({**event, "log_name": "VISIT"}).encode()))
    return [value for _, value in sorted(events)]


def shuffled(values: list[bytes], seed: int) -> list[bytes]:
    """The events as they come where each is late by up to the bound of disorder."""
    chance = random.Random(seed)
    return sorted(values, key=lambda value: at_of(value) + chance.randrange(DISORDER_MS))


def at_of(value: bytes) -> int:
    return json.loads(value)["ts"]


def keyed(values: list[bytes]) -> list[Record]:
    return [load.keyed_by_user(value) for value in values]


def scattered(values: list[bytes], seed: int, partitions: int = PARTITIONS) -> list[Record]:
    """Without a key, on any partition."""
    chance = random.Random(seed)
    return [Record(None, value, partition=chance.randrange(partitions)) for value in values]


def drivers(partitions: int = PARTITIONS) -> list[Record]:
    """Records that move the watermark of each partition past everything."""
    value = json.dumps({"uid": "driver", "log_name": "CLICK", "ts": AFTER_ALL_MS}).encode()
    return [Record(None, value, partition=partition) for partition in range(partitions)]


def outcome(pipeline: Pipeline, account: Account) -> Outcome:
    """What was written of the users, once each session has its close record."""
    values = [output.value for copies in account.out.values() for output in copies]
    values = [value for value in values if json.loads(value)["uid"] != "driver"]
    sessions = {json.loads(value)["session_id"] for value in values}
    close_records: list[bytes] = []
    deadline = time.monotonic() + PATIENCE_S
    with pipeline.reader_of_sessions() as reader:
        while len(close_records) < len(sessions):
            assert time.monotonic() < deadline, "sessions have no close record"
            close_records += [record.value for record in reader.rest()]
    return Outcome(sorted(values), sorted(close_records))


@pytest.fixture(scope="module")
def expected(bench) -> Outcome:
    """What sorted events, keyed by user, give in order of arrival."""
    with bench.pipeline(*NEVER_IDLE, partitions=PARTITIONS) as pipeline:
        pipeline.send(keyed(sorted_values()))
        pipeline.send(drivers())
        account = pipeline.account()
        assert account.differences() == {}
        return outcome(pipeline, account)


@pytest.mark.parametrize(
    ("parallelism", "by_user", "restarted_at"),
    [(1, True, None), (1, False, 2), (2, True, 4), (2, False, None), (4, False, 4), (4, True, 1)],
)
def test_any_order_gives_the_same_values(bench, note, expected, parallelism, by_user, restarted_at):
    """A shuffled file gives what the sorted one gives, byte for byte, also across a restart."""
    seed = 10 * parallelism + by_user
    values = shuffled(sorted_values(), seed)
    to_send = keyed(values) if by_user else scattered(values, seed)
    half = len(to_send) // 2
    options = (*ORDERED, *NEVER_IDLE)
    with bench.pipeline(*options, partitions=PARTITIONS, parallelism=parallelism) as pipeline:
        pipeline.send(to_send[:half])
        if restarted_at:
            pipeline.wait_for_commit()
            savepoint = bench.cluster.stop_with_savepoint(pipeline.job_id)
            pipeline.submit(from_savepoint=savepoint, parallelism=restarted_at)
        pipeline.send(to_send[half:])
        pipeline.send_unaccounted(drivers())
        account = pipeline.account()
        pipeline.assert_never_failed()
        found = outcome(pipeline, account)
    assert account.differences() == {}
    assert account.repeats == 0
    assert in_turn(account)
    assert differences(found, expected) == []
    restart = f", restarted at {restarted_at}" if restarted_at else ""
    keys = "keyed by user" if by_user else "without keys"
    note(f"{len(values):,} records {keys} at parallelism {parallelism}{restart}")


def test_a_task_manager_killed_changes_no_value(bench, note, expected):
    """Exactly once, in any order of arrival: what waited comes back from the checkpoint."""
    # More tasks than a TaskManager has slots, so that each of the two has some.
    tasks = 12
    to_send = scattered(shuffled(sorted_values(), seed=7), seed=7, partitions=tasks)
    half = len(to_send) // 2
    options = (*ORDERED, *NEVER_IDLE, "--delivery", "exactly-once")
    with bench.pipeline(*options, partitions=tasks, parallelism=tasks) as pipeline:
        pipeline.send(to_send[:half])
        pipeline.rest.wait_for_checkpoint(pipeline.job_id)
        pipeline.send(to_send[half:])
        bench.cluster.kill_task_manager()
        bench.cluster.start_task_manager()
        bench.cluster.wait()
        pipeline.send_unaccounted(drivers(tasks))
        account = pipeline.account()
        found = outcome(pipeline, account)
        restored = pipeline.rest.checkpoints(pipeline.job_id)["latest"]["restored"]
    assert restored is not None
    assert account.differences() == {}
    assert account.repeats == 0
    assert in_turn(account)
    assert differences(found, expected) == []
    note(
        f"{len(to_send):,} records without keys, {len(found.close_records):,} close records,"
        " exactly once; a TaskManager killed, 0 repeats"
    )


def differences(found: Outcome, expected: Outcome) -> list[bytes]:
    """A few records that only one of the two has: to show all takes an hour."""
    one, other = (Counter(each.values + each.close_records) for each in (found, expected))
    return list(((one - other) + (other - one)).elements())[:5]


def in_turn(account: Account) -> bool:
    """Whether the outputs of each session stand on the topic by their number."""
    by_session = defaultdict(list)
    outputs = (output for copies in account.out.values() for output in copies)
    for output in sorted(outputs, key=lambda output: output.origin):
        label = json.loads(output.value)
        by_session[label["session_id"]].append(label["seq_in_session"])
    return all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_session.values())
