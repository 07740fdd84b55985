"""The scenario files, on the cluster: what the core's own tests play, seen from outside the job.

Files of the same options share a job and its one watermark; a few jobs run at once, as each waits
for its watermark most of the time. The event times of a file are moved by months, so that files do
not meet. The bound of disorder is larger than a file, so a file's events move the watermark
nowhere, and records of other keys move it to the millisecond.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from bench import Bench, Pipeline, labels

from rig import layout
from rig.ledger import REASON
from rig.records import Acknowledged, Record

DAY_MS = 86_400_000
# Of every scenario's times: 2024-12-14 00:00 in Asia/Seoul.
ZERO_MS = 1_734_102_000_000
DISORDER_MS = 40 * DAY_MS
FILE_MS = 90 * DAY_MS
# Later than any record line's event time that the job takes, and yet in the past.
AFTER_RECORDS_MS = ZERO_MS + 60 * DAY_MS
# Of an event that no row of the rules names.
TIMEOUT = "30m"
UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}
PATIENCE_S = 60
JOBS_AT_ONCE = 4


class Closed(NamedTuple):
    """What a scenario tells of a close record."""

    key: str
    id_ms: int
    count: int
    last_ms: int
    by: str


def parsed() -> list[dict]:
    """The scenarios, as the one parser prints them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scenarios.json")
        subprocess.run([layout.PROJECT / "scripts" / "scenarios-json.sh", file], check=True)
        return json.loads(file.read_text())


SCENARIOS = parsed()


def why_not(scene: dict) -> str | None:
    """Why a scenario cannot be played on a cluster; None where it can."""
    return None if scene["now_ms"] is None else "the clock of a cluster cannot be set"


def options_of(scene: dict) -> tuple:
    """What the job of a scenario is started with."""
    return scene["rules"] or "{}", scene["lateness_ms"], scene["max_record_size"], scene["order"]


class Stage:
    """A job that several scenarios share, and its watermark."""

    def __init__(self, pipeline: Pipeline, rules_file: Path, lateness_ms: int):
        self.pipeline = pipeline
        self.watermark_ms = 0
        self._rules_file = rules_file
        self._lateness_ms = lateness_ms
        self._fences = itertools.count(1)
        self._sessions = pipeline.reader_of_sessions()

    @classmethod
    @contextlib.contextmanager
    def opened(cls, bench: Bench, options: tuple, folder: Path) -> Iterator[Stage]:
        rules, lateness_ms, max_record_size, order = options
        rules_file = folder / "rules.json"
        rules_file.write_text(rules)
        arguments = ["--out-of-orderness", f"{DISORDER_MS}ms", "--rules", str(rules_file)]
        arguments += ["--allowed-lateness", f"{lateness_ms}ms", "--order", order]
        if max_record_size is not None:
            arguments += ["--max-record-size", f"{max_record_size}b"]
        with bench.pipeline(*arguments) as pipeline:
            yield cls(pipeline, rules_file, lateness_ms)
            pipeline.assert_never_failed()

    def move_watermark(self, to_ms: int, expected: int = 0) -> list[dict]:
        """Moves the watermark; returns the close records that came before and with it.

        A fence, a session that closes exactly then, shows that the watermark is there. Closings of
        one watermark come in no order of keys, so it waits for those that are expected too; one
        that comes unexpected is found by the next call.
        """
        self.watermark_ms = to_ms
        fence = f"fence-{next(self._fences)}"
        default = json.loads(self._rules_file.read_text()).get("default", {})
        start_ms = to_ms - duration_ms(default.get("timeout", TIMEOUT)) - self._lateness_ms
        self.pipeline.send([mark(fence, start_ms)])
        # In ordered mode this one waits until the end: it is none that must come out.
        self.pipeline.send_unaccounted([mark("driver", to_ms + DISORDER_MS + 1)])
        closed: list[dict] = []
        deadline = time.monotonic() + PATIENCE_S
        while True:
            closed += [json.loads(record.value) for record in self._sessions.rest()]
            told = [record for record in closed if record["last_log_name"] != "MARK"]
            there = any(record["session_id"] == f"{fence}_{start_ms}" for record in closed)
            if there and len(told) >= expected:
                return told
            if time.monotonic() > deadline:
                assert there, f"the watermark never came to {to_ms}"
                return told

    def change_rules(self, rules: str) -> None:
        """Stops the job with a savepoint and goes on with other rules."""
        savepoint = self.pipeline.cluster.stop_with_savepoint(self.pipeline.job_id)
        self._rules_file.write_text(rules)
        self.pipeline.submit(from_savepoint=savepoint)


@pytest.fixture(scope="module")
def played(bench, request, tmp_path_factory) -> Iterator[dict[str, Future]]:
    """Plays the files of the chosen tests, those of the same options one after the other.

    Gives the outcome of each.
    """
    tests = (getattr(test, "callspec", None) for test in request.session.items)
    chosen = {test.params["scene"]["name"] for test in tests if test and "scene" in test.params}
    groups: dict[tuple, list[dict]] = defaultdict(list)
    for scene in SCENARIOS:
        if scene["name"] in chosen and why_not(scene) is None:
            # A file that changes the rules on its way has a job of its own.
            alone = any(step["step"] == "rules" for step in scene["steps"])
            groups[(*options_of(scene), scene["name"] if alone else None)].append(scene)
    outcomes: dict[str, Future] = {each["name"]: Future() for each in SCENARIOS}
    with ThreadPoolExecutor(JOBS_AT_ONCE) as pool:
        # The largest first, so that it is not the one that all wait for.
        for (*options, _), scenes in sorted(groups.items(), key=lambda group: -len(group[1])):
            folder = tmp_path_factory.mktemp("group")
            pool.submit(play_group, bench, tuple(options), folder, scenes, outcomes)
        yield outcomes


@pytest.mark.parametrize("scene", SCENARIOS, ids=[each["name"] for each in SCENARIOS])
def test_scenario(played, note, scene):
    """A file's lines, but for those that ask when a timer is due."""
    reason = why_not(scene)
    if reason is not None:
        note(f"SKIPPED: {reason}")
        pytest.skip(reason)
    played[scene["name"]].result()
    kinds = [step["step"] for step in scene["steps"]]
    note(", ".join(f"{kinds.count(kind)} {kind}s" for kind in ("event", "watermark", "record")))


def play_group(
    bench: Bench, options: tuple, folder: Path, scenes: list[dict], outcomes: dict[str, Future]
) -> None:
    """Plays the files of one job: events first, then records, whose times lie behind them."""
    try:
        with Stage.opened(bench, options, folder) as stage:
            failed = {}
            for number, scene in enumerate(scenes):
                midnight_ms = ZERO_MS - (len(scenes) - number) * FILE_MS
                failed[scene["name"]] = failure(play, stage, scene, midnight_ms)
            stage.move_watermark(max(AFTER_RECORDS_MS, stage.watermark_ms + 1))
            for scene in scenes:
                failed[scene["name"]] = failed[scene["name"]] or failure(send_alone, stage, scene)
    except Exception as broken:  # the job's failure is that of all its files
        failed = {scene["name"]: broken for scene in scenes}
    for name, reason in failed.items():
        if reason is None:
            outcomes[name].set_result(None)
        else:
            outcomes[name].set_exception(reason)


def failure(act: object, *arguments: object) -> Exception | None:
    try:
        act(*arguments)
    except Exception as failed:  # told by the test of that file; the others go on
        return failed
    return None


def play(stage: Stage, scene: dict, midnight_ms: int) -> None:
    """Plays events and watermarks; compares labels and closings with what the file tells."""
    steps = [step for step in scene["steps"] if step["step"] in ("event", "watermark", "rules")]
    if not any(step["step"] == "event" for step in steps):
        return
    moved = midnight_ms - ZERO_MS
    to_send: list[Record] = []
    sent: list[Acknowledged] = []
    expected_closed: list[Closed] = []

    def send() -> None:
        sent.extend(stage.pipeline.send(to_send))
        to_send.clear()

    def send_and_close(watermark_ms: int) -> None:
        send()
        closed = stage.move_watermark(watermark_ms, len(expected_closed))
        assert by_key(map(told_of, closed)) == by_key(expected_closed), scene["name"]
        expected_closed.clear()

    stage.move_watermark(midnight_ms)  # what earlier files have left open closes here
    for step in steps:
        expected_closed += [closed_as(each, moved) for each in step.get("closed", ())]
        if step["step"] == "event":
            to_send.append(event(step, moved))
        elif step["step"] == "watermark":
            send_and_close(moved + step["at_ms"])
        else:
            send()
            wait_for_all(stage)
            stage.change_rules(step["rules"])
    if to_send or expected_closed:
        # The last events may close sessions too: a watermark that closes nothing brings them out.
        send_and_close(stage.watermark_ms + 1)
    found = labels(stage.pipeline.account(), sent)
    events = [step for step in steps if step["step"] == "event"]
    for step, label in zip(events, found):
        expected = expected_label(step, moved)
        shown = {name: label[name] for name in expected}
        assert shown == expected, f"{scene['name']}:{step['line']}"


def wait_for_all(stage: Stage) -> None:
    """Returns when all that was sent has come out."""
    assert stage.pipeline.account().balanced


def send_alone(stage: Stage, scene: dict) -> None:
    """Sends each record as the first event of its user, and compares what becomes of it.

    The watermark is past all their sessions: each closes with the next one, which comes before the
    next record of the same user.
    """
    steps = [step for step in scene["steps"] if step["step"] == "record"]
    sent: list[Acknowledged] = []
    users: set[str] = set()
    for step in steps:
        user = user_of(step)
        if user in users or None in users:
            stage.move_watermark(stage.watermark_ms + 1)
            users.clear()
        users.add(user)
        value = step["value"].encode()
        record = Record(b"record", value, timestamp_ms=step["record_time_ms"])
        sent += stage.pipeline.send([record])
    if not steps:
        return
    stage.move_watermark(stage.watermark_ms + 1)
    account = stage.pipeline.account()
    for step, each in zip(steps, sent):
        place = f"{scene['name']}:{step['line']}"
        outputs = [output.value.decode() for output in account.out.get(each.origin, ())]
        reasons = [dead.header(REASON) for dead in account.dead.get(each.origin, ())]
        kind, text = step["becomes"]["kind"], step["becomes"].get("text")
        if kind == "dead":
            assert (outputs, reasons) == ([], [text]), place
        elif kind == "out":
            assert (outputs, reasons) == ([text], []), place
        else:
            assert reasons == [], place
            assert [json.loads(output)["seq_in_session"] for output in outputs] == [1], place


def user_of(step: dict) -> str | None:
    """Tells the users of plain records apart; None where it cannot."""
    try:
        found = json.loads(step["value"])
    except ValueError:
        return "no record"
    return str(found["uid"]) if isinstance(found, dict) and found.get("uid") else None


def event(step: dict, moved: int) -> Record:
    value = {"uid": step["key"], "log_name": step["log_name"], "ts": moved + step["at_ms"]}
    value |= step["with"]
    return Record(step["key"].encode(), json.dumps(value, ensure_ascii=False).encode())


def mark(user: str, at_ms: int) -> Record:
    """An event of a key that no scenario has, in each field that may hold the key."""
    value = {"uid": user, "uuid": user, "log_name": "MARK", "ts": at_ms}
    return Record(user.encode(), json.dumps(value).encode())


def expected_label(step: dict, moved: int) -> dict:
    label = step["label"]
    if label is None:
        times = ("session_id", "session_start_ts", "session_last_ts", "session_expire_at")
        return {**dict.fromkeys(times), "seq_in_session": 0}
    return {
        "session_id": f"{step['key']}_{moved + label['id_ms']}",
        "session_start_ts": moved + label["start_ms"],
        "session_last_ts": moved + label["last_ms"],
        "session_expire_at": moved + label["expires_ms"],
        "seq_in_session": label["seq"],
    }


def told_of(record: dict) -> Closed:
    return Closed(
        record["uid"],
        int(record["session_id"].rpartition("_")[2]),
        record["event_count"],
        record["session_last_ts"],
        record["closed_by"],
    )


def closed_as(told: dict, moved: int) -> Closed:
    return Closed(
        told["key"], moved + told["id_ms"], told["count"], moved + told["last_ms"], told["by"]
    )


def by_key(closed: Iterable[Closed]) -> dict[str, list[Closed]]:
    """Closings in order, key by key: across keys no order is promised."""
    found = defaultdict(list)
    for each in closed:
        found[each.key].append(each)
    return found


def duration_ms(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", text).groups()
    return int(number) * UNITS_MS[unit]
