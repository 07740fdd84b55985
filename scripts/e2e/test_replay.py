"""session-replay over a captured topic gives what the job gave: per session the same values."""

from __future__ import annotations

import json
import random
import subprocess

import pytest
from access_log import access_log

from rig import capture, load, records, replay
from rig.records import Record

DAY_MS = 86_400_000
# Longer than the access log, so that no event is late whatever the order.
DISORDER_DAYS = 60
PARTITIONS = 4


@pytest.fixture
def session_replay():
    if not replay.is_built():
        pytest.skip(
            "session-replay is not built: run scripts/test replay, or scripts/session-replay"
        )

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [replay.program(), *map(str, arguments)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_arrival_order(bench, note, session_replay, tmp_path):
    """Keyed by user: the values of each session, in the same order; dead letters; and back."""
    lines, name = access_log()
    bad = [b"no json", b"\xff\xfe", b'{"uid":"u1","log_name":"CIN"}']
    to_send = [load.keyed_by_user(line) for line in lines] + [
        Record(b"bad", value, (("trace", b"\x80"),)) for value in bad
    ]
    with bench.pipeline(partitions=PARTITIONS, parallelism=2) as pipeline:
        pipeline.send(to_send)
        assert pipeline.account().differences() == {}
        saved = save(bench, pipeline, tmp_path)
    session_replay(
        *("run", tmp_path / "before.gz", "--format", "capture", "--partitions", PARTITIONS),
        *("--output", tmp_path / "replayed.gz", "--dead-letters", tmp_path / "dead.gz"),
    )
    told = compare(session_replay, tmp_path)
    dead = {reason(each) for each in captured(tmp_path / "dead.gz")}
    assert dead == {reason(each) for each in captured(tmp_path / "dlq.gz")}
    again = f"{pipeline.input}-again"
    servers = bench.broker.bootstrap_servers
    records.create_topics(servers, {again: PARTITIONS})
    assert capture.load(servers, tmp_path / "before.gz", again) == len(to_send)
    assert [without_origin(each) for each in capture.in_order(servers, again)] == [
        without_origin(each) for each in capture.in_order(servers, pipeline.input)
    ]
    note(f"{saved:,} records of {name} and 3 bad ones; {told}")


def test_event_time_order(bench, note, session_replay, tmp_path):
    """Ordered: the same whatever partition a user's records are on."""
    lines, name = access_log()
    chance = random.Random(3)
    to_send = [Record(None, line, partition=chance.randrange(PARTITIONS)) for line in lines]
    options = ("--order", "event-time", "--out-of-orderness", f"{DISORDER_DAYS}d")
    servers = bench.broker.bootstrap_servers
    with bench.pipeline(*options, partitions=PARTITIONS, parallelism=2) as pipeline:
        pipeline.send(to_send)
        newest = max(json.loads(line)["ts"] for line in lines)
        driver = b'{"uid":"driver","log_name":"CLICK","ts":%d}'
        driver %= newest + (DISORDER_DAYS + 1) * DAY_MS
        records.send(
            servers,
            pipeline.input,
            [Record(b"driver", driver, partition=each) for each in range(PARTITIONS)],
        )
        assert pipeline.account().differences() == {}
        saved = save(bench, pipeline, tmp_path)
    # The drivers' events wait in the job, so they wait here too.
    session_replay(
        *("run", tmp_path / "before.gz", "--format", "capture", *options),
        *("--output", tmp_path / "replayed.gz", "--keep-open", "--state", tmp_path / "state"),
    )
    note(f"{saved:,} records of {name}; {compare(session_replay, tmp_path)}")


def save(bench, pipeline, folder) -> int:
    servers = bench.broker.bootstrap_servers
    capture.save(servers, pipeline.output, folder / "after.gz")
    capture.save(servers, pipeline.dead_letters, folder / "dlq.gz")
    return capture.save(servers, pipeline.input, folder / "before.gz")


def compare(session_replay, folder) -> str:
    compared = session_replay(
        "diff", folder / "after.gz", folder / "replayed.gz", "--format", "capture"
    )
    return compared.strip()


def captured(file) -> list[Record]:
    with capture.opened(file, "rt") as lines:
        return [capture.record(text) for text in lines]


def reason(dead_letter: Record) -> tuple:
    """A dead letter's value, and all of its headers."""
    return dead_letter.key, dead_letter.value, dead_letter.headers


def without_origin(stored) -> tuple:
    return stored.origin.partition, stored.key, stored.value, stored.headers, stored.timestamp_ms
