"""The scenario files, on the cluster: what the core's own tests read, seen from outside the job.

The event times of a file are moved by months, so that files share a job and its one watermark. The
bound of disorder is larger than a file, so a file's events move the watermark nowhere, and records
of other keys move it to the millisecond.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable

import pytest
import scenario
from bench import Pipeline, labels
from scenario import BASE_MS, DAY_MS, Closed, Event, RawRecord, Scenario

from rig import layout
from rig.ledger import REASON
from rig.records import Acknowledged, Record

FILES = sorted((layout.PROJECT / "rust-core" / "scenarios").glob("*.txt"))
SCENARIOS = [scenario.read(file) for file in FILES]
DISORDER_MS = 10 * DAY_MS
FILE_MS = 30 * DAY_MS
# Later than any record line's event time that the job takes, and yet in the past.
AFTER_RECORDS_MS = BASE_MS + 60 * DAY_MS
# Where a file says nothing else.
LATENESS, TIMEOUT = "10m", "30m"
UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}
PATIENCE_S = 30
# Closings of one watermark come in one go; this is for the last of them to pass the broker.
SETTLE_S = 0.5


class Stage:
    """A job that several scenarios share, and its watermark."""

    def __init__(self, pipeline: Pipeline, directives: dict[str, str]):
        self.pipeline = pipeline
        rules = json.loads(directives.get("rules", "{}"))
        timeout = rules.get("default", {}).get("timeout", TIMEOUT)
        self._fence_ms = duration_ms(timeout) + duration_ms(directives.get("lateness", LATENESS))
        self._fences = itertools.count(1)
        self.watermark_ms = 0
        self._sessions = pipeline.reader_of_sessions()

    def move_watermark(self, to_ms: int) -> list[dict]:
        """Moves the watermark; returns the close records that came before and with it.

        A fence, a session that closes exactly then, shows that the watermark is there.
        """
        self.watermark_ms = to_ms
        fence = f"fence-{next(self._fences)}"
        start_ms = to_ms - self._fence_ms
        self.pipeline.send([event(fence, start_ms)])
        # In ordered mode this one waits until the end: it is none that must come out.
        self.pipeline.send_unaccounted([event("driver", to_ms + DISORDER_MS + 1)])
        closed = []
        deadline = time.monotonic() + PATIENCE_S
        while f"{fence}_{start_ms}" not in {record["session_id"] for record in closed}:
            assert time.monotonic() < deadline, f"the watermark never came to {to_ms}"
            closed += self.closed()
        return closed

    def closed(self) -> list[dict]:
        """The close records that were not read yet."""
        return [json.loads(record.value) for record in self._sessions.rest()]


@pytest.fixture(scope="module")
def stage_of(bench, tmp_path_factory):
    """The job for a file's directives; files of the same directives share it."""
    stages = {}
    with contextlib.ExitStack() as running:

        def stage(directives: dict[str, str], kind: str) -> Stage:
            name = json.dumps([kind, directives], sort_keys=True)
            if name not in stages:
                options = ["--out-of-orderness", f"{DISORDER_MS}ms"]
                options += ["--allowed-lateness", directives.get("lateness", LATENESS)]
                options += ["--order", directives.get("order", "arrival")]
                if "rules" in directives:
                    rules = tmp_path_factory.mktemp("rules") / "rules.json"
                    rules.write_text(directives["rules"])
                    options += ["--rules", str(rules)]
                pipeline = running.enter_context(bench.pipeline(*options))
                stages[name] = Stage(pipeline, directives)
            return stages[name]

        yield stage


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=[each.name for each in SCENARIOS])
def test_scenario(stage_of, note, number):
    """A file's lines, but for those that ask when a timer is due."""
    scene = SCENARIOS[number]
    if "now" in scene.directives:
        pytest.skip("the clock of a cluster cannot be set")
    raw = [step for step in scene.steps if isinstance(step, RawRecord)]
    told = [step for step in scene.steps if not isinstance(step, RawRecord)]
    if told:
        stage = stage_of(scene.directives, "events")
        play(stage, scene, told, BASE_MS - (len(SCENARIOS) - number) * FILE_MS)
        stage.pipeline.assert_never_failed()
    if raw:
        stage = stage_of(scene.directives, "records")
        send_alone(stage, raw)
        stage.pipeline.assert_never_failed()
    events = sum(isinstance(step, Event) for step in told)
    note(f"{events} events, {len(told) - events} watermarks, {len(raw)} records")


def play(stage: Stage, scene: Scenario, steps: list, midnight_ms: int) -> None:
    """Plays events and watermarks; compares labels and closings with what the file tells."""
    prefix = f"{scene.name}."
    to_send: list[Record] = []
    sent: list[Acknowledged] = []
    expected_labels: list[dict] = []
    expected_closed: list[Closed] = []

    def send_and_close(watermark_ms: int) -> None:
        sent.extend(stage.pipeline.send(to_send))
        to_send.clear()
        closed = stage.move_watermark(watermark_ms)
        time.sleep(SETTLE_S)
        closed += stage.closed()
        ours = [told_of(record) for record in closed if record["uid"].startswith(prefix)]
        moved = [moved_by(midnight_ms, prefix, each) for each in expected_closed]
        assert by_key(ours) == by_key(moved)
        expected_closed.clear()

    stage.move_watermark(midnight_ms)
    for step in steps:
        expected_closed += step.closed
        if isinstance(step, Event):
            to_send.append(event(prefix + step.key, midnight_ms + step.at_ms, step.log_name))
            expected_labels.append(expected_label(step, prefix, midnight_ms))
        else:
            send_and_close(midnight_ms + step.at_ms)
    if to_send or expected_closed:
        # The last events may close sessions too: a watermark that closes nothing brings them out.
        send_and_close(stage.watermark_ms + 1)
    found = labels(stage.pipeline.account(), sent)
    assert [
        {name: label[name] for name in expected} for label, expected in zip(found, expected_labels)
    ] == expected_labels


def send_alone(stage: Stage, raw: list[RawRecord]) -> None:
    """Sends each record as the first event of its user, and compares what becomes of it.

    The watermark is past all their sessions: each closes with the next one, which comes before the
    next record.
    """
    stage.move_watermark(max(AFTER_RECORDS_MS, stage.watermark_ms + 1))
    sent = []
    for step in raw:
        record = Record(b"record", step.value, timestamp_ms=step.own_time_ms)
        sent += stage.pipeline.send([record])
        if step.reason is None:
            stage.move_watermark(stage.watermark_ms + 1)
    account = stage.pipeline.account()
    for step, each in zip(raw, sent):
        outputs = [output.value for output in account.out.get(each.origin, ())]
        reasons = [dead.header(REASON) for dead in account.dead.get(each.origin, ())]
        if step.reason is not None:
            assert (outputs, reasons) == ([], [step.reason]), step.value
        elif step.output is not None:
            assert (outputs, reasons) == ([step.output], []), step.value
        else:
            assert [json.loads(output)["seq_in_session"] for output in outputs] == [1], step.value
            assert reasons == [], step.value


def event(user: str, at_ms: int, log_name: str = "FENCE") -> Record:
    value = json.dumps({"uid": user, "log_name": log_name, "ts": at_ms}).encode()
    return Record(user.encode(), value)


def expected_label(step: Event, prefix: str, midnight_ms: int) -> dict:
    label = step.label
    if label is None:
        times = ("session_start_ts", "session_last_ts", "session_expire_at")
        return {"session_id": None, **dict.fromkeys(times), "seq_in_session": 0}
    return {
        "session_id": f"{prefix}{step.key}_{midnight_ms + label.id_ms}",
        "session_start_ts": midnight_ms + label.start_ms,
        "session_last_ts": midnight_ms + label.last_ms,
        "session_expire_at": midnight_ms + label.expires_ms,
        "seq_in_session": label.seq,
    }


def told_of(record: dict) -> Closed:
    """What a scenario tells of a close record."""
    return Closed(
        record["uid"],
        int(record["session_id"].rpartition("_")[2]),
        record["event_count"],
        record["session_last_ts"],
        record["closed_by"],
    )


def moved_by(midnight_ms: int, prefix: str, closed: Closed) -> Closed:
    return closed._replace(
        key=prefix + closed.key,
        id_ms=midnight_ms + closed.id_ms,
        last_ms=midnight_ms + closed.last_ms,
    )


def by_key(closed: Iterable[Closed]) -> dict[str, list[Closed]]:
    """Closings in order, key by key: across keys no order is promised."""
    found = defaultdict(list)
    for each in closed:
        found[each.key].append(each)
    return found


def duration_ms(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([a-z]*)", text).groups(default="ms")
    return int(number) * UNITS_MS[unit or "ms"]
