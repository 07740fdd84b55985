"""Closing without traffic: event time goes on in silence, and stands where it must not.

Sessions here time out after 2 s of event time, years ago, and the silence must last for 2 s.
"""

from __future__ import annotations

import json
import time

import pytest
from bench import Pipeline, labels

from rig import records
from rig.records import Acknowledged, Reader, Record

SILENCE_S = 2
TIMEOUT_MS = 2_000
START_MS = 1431857103000
RULES = {"log_names": {"CIN": None, "COUT": None}, "default": {"timeout": "2s"}}
OPTIONS = ("--idle-timeout", "1s", "--out-of-orderness", "0", "--allowed-lateness", "0")
ON = (*OPTIONS, "--advance-when-silent", f"{SILENCE_S}s")
# From the last record: the silence, the timeout, and some ticks and questions.
CLOSED_AFTER_S = SILENCE_S + TIMEOUT_MS / 1000
PATIENCE_S = 30
FROZEN_S = 6
SLOW_S = 8


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    file = tmp_path_factory.mktemp("silence") / "rules.json"
    file.write_text(json.dumps(RULES))
    return ("--rules", str(file))


class Night:
    """A job on three partitions, of which the last stays empty, and its sessions."""

    def __init__(self, pipeline: Pipeline):
        self.pipeline = pipeline
        self._closed: Reader = pipeline.reader_of_sessions()
        self._at_ms = START_MS

    def __enter__(self) -> Night:
        return self

    def __exit__(self, *failure: object) -> None:
        self._closed.__exit__(*failure)

    def events(self, users: str) -> list[Record]:
        """One event in each of two partitions, an hour after all that went before."""
        self._at_ms += 3_600_000
        return [event(f"{users}-{number}", self._at_ms, number) for number in range(2)]

    def send(self, users: str) -> set[str]:
        """Sends them, waits until they came out; returns the ids of their sessions."""
        return self.sessions_of(self.pipeline.send(self.events(users)))

    def sessions_of(self, sent: list[Acknowledged]) -> set[str]:
        return {label["session_id"] for label in labels(self.pipeline.account(), sent)}

    def closed(self) -> dict[str, float]:
        """When each session closed that was not looked at yet, by the wall clock."""
        return {
            json.loads(record.value)["session_id"]: record.timestamp_ms / 1000
            for record in self._closed.rest()
        }

    def wait_for(self, sessions: set[str]) -> dict[str, float]:
        """Returns when the sessions have closed, and with them nothing else."""
        found: dict[str, float] = {}
        deadline = time.monotonic() + PATIENCE_S
        while not sessions <= found.keys():
            assert time.monotonic() < deadline, f"not closed: {sorted(sessions - found.keys())}"
            found.update(self.closed())
        assert found.keys() == sessions
        return found


def event(user: str, at_ms: int, partition: int, padding: str = "") -> Record:
    value = {"uid": user, "log_name": "CLICK", "ts": at_ms, "padding": padding}
    return Record(user.encode(), json.dumps(value).encode(), partition=partition)


def test_silence_closes_the_last_sessions(bench, note, rules):
    """Not before its time, not while the broker is frozen, not while a transaction is open."""
    with (
        bench.pipeline(*ON, *rules, partitions=3, parallelism=2) as pipeline,
        Night(pipeline) as night,
    ):
        began = time.time()
        sessions = night.send("last")
        took = max(night.wait_for(sessions).values()) - began
        assert took > CLOSED_AFTER_S

        # Event time has passed it long ago, and it is labelled all the same.
        late = night.sessions_of(pipeline.send([event("late", START_MS, 0)]))
        assert late == {f"late_{START_MS}"}
        night.wait_for(late)

        sessions = night.send("frozen")
        with bench.broker.frozen():
            time.sleep(FROZEN_S)
        awake = time.time()
        assert min(night.wait_for(sessions).values()) > awake + SILENCE_S

        before = night.send("before")
        with records.transaction(pipeline.servers, pipeline.input) as send:
            held_back = send(night.events("held back"))
            time.sleep(CLOSED_AFTER_S + SILENCE_S)
            assert night.closed() == {}
        pipeline.sent += held_back
        night.wait_for(before | night.sessions_of(held_back))

        assert pipeline.account().differences() == {}
        pipeline.assert_never_failed()
    note(
        f"the last sessions closed {took:.1f} s after the last record ({CLOSED_AFTER_S:g} + ticks)"
    )


def test_silence_outlives_a_restart_and_can_be_switched_off_and_on(bench, note, rules):
    """From savepoints amid a silence, without a record since: with the option, and without."""
    hour = (*OPTIONS, "--advance-when-silent", "1h")
    with (
        bench.pipeline(*hour, *rules, partitions=3, parallelism=2) as pipeline,
        Night(pipeline) as night,
    ):

        def restart(*options: str) -> None:
            savepoint = bench.cluster.stop_with_savepoint(pipeline.job_id)
            pipeline.options = (*options, *rules)
            pipeline.submit(savepoint)

        # Where event time stood only the savepoint can tell.
        first = night.send("amid")
        restart(*ON)
        night.wait_for(first)

        restart(*OPTIONS)
        second = night.send("off")
        time.sleep(CLOSED_AFTER_S + SILENCE_S)
        assert night.closed() == {}

        restart(*ON)
        night.wait_for(second | night.send("on again"))
        assert pipeline.account().differences() == {}
        pipeline.assert_never_failed()
    note("3 restarts from savepoints, 6 sessions closed")


def test_silence_lets_out_what_waits_for_its_turn(bench, note, rules):
    """In ordered mode the last events wait; silence labels them in their order, and closes."""
    disorder_s, apart_ms = 3, 1_000
    options = ("--order", "event-time", "--out-of-orderness", f"{disorder_s}s")
    others = ("--idle-timeout", "1s", "--allowed-lateness", "0", *ON[-2:])
    with (
        bench.pipeline(*options, *others, *rules, partitions=3, parallelism=2) as pipeline,
        Night(pipeline) as night,
    ):
        began = time.time()
        sent = pipeline.send(
            event(f"user-{number}", START_MS + at_ms, number)
            for at_ms in (apart_ms, 0)
            for number in range(2)
        )
        found = labels(pipeline.account(), sent)
        out_after_s = time.time() - began
        assert [label["seq_in_session"] for label in found] == [2, 2, 1, 1]
        sessions = {f"user-{number}_{START_MS}" for number in range(2)}
        assert {label["session_id"] for label in found} == sessions
        closed_after_s = max(night.wait_for(sessions).values()) - began
        assert out_after_s > SILENCE_S + disorder_s
        assert closed_after_s > SILENCE_S + disorder_s + TIMEOUT_MS / 1000
        assert pipeline.account().differences() == {}
        pipeline.assert_never_failed()
    note(f"4 events out {out_after_s:.1f} s after they came, their sessions {closed_after_s:.1f} s")


def test_no_silence_while_there_is_lag(bench, note, rules):
    """The output is slow and the input full of unread records: no session closes too early."""
    steps, users = 60, 20
    backlog = [
        event(f"u{user}", START_MS + step * TIMEOUT_MS // 2, 0, padding="x" * 10_000)
        for step in range(steps)
        for user in range(users)
    ]
    # The producer's buffer is soon full, and so is all before it.
    slow = ("--sink.client.id", "slow", "--sink.compression.type", "none")
    small = ("--sink.buffer.memory", "1200000")
    with bench.pipeline(*ON, *rules, *slow, *small, partitions=1) as pipeline:
        pipeline.send([event("first", START_MS, 0)])
        pipeline.account()
        with bench.broker.producer_limited("slow", bytes_per_s=200_000):
            sent = pipeline.send(backlog)
            time.sleep(SLOW_S)
            out = len(pipeline.account(patience_s=0).out)
        assert out < len(backlog) // 2
        found = labels(pipeline.account(), sent)
        assert [label["seq_in_session"] for label in found] == [
            step + 1 for step in range(steps) for _ in range(users)
        ]
        pipeline.assert_never_failed()
    note(f"{len(backlog):,} records, {out} out after {SLOW_S} s, no session split")
