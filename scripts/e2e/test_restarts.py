"""The job goes on: from a savepoint, from committed offsets, from a checkpoint after a crash."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import labels

from rig import load
from rig.records import Record

LIBRARY = "*session_core*"


def events(count: int, start: int) -> list[Record]:
    """One event a second for each of ten users, so that a session goes on for `count` events."""
    return [
        Record(
            b"u%d" % user,
            b'{"uid":"u%d","log_name":"CIN","ts":%d}' % (user, load.START_MS + number * 1000),
        )
        for number in range(start, start + count)
        for user in range(10)
    ]


def numbers(pipeline, sent) -> list[int]:
    account = pipeline.account()
    assert set(account.differences()) <= {"sessions not counted 1 to n"}
    return [label["seq_in_session"] for label in labels(account, sent)]


def expected_numbers(count: int, start: int) -> list[int]:
    return [number + 1 for number in range(start, start + count) for _ in range(10)]


def test_savepoint_and_second_submission(bench, note):
    """The same TaskManagers run the job again: from a savepoint sessions go on, else they begin."""
    before = left_libraries(bench)
    with bench.pipeline(partitions=2, parallelism=2) as pipeline:
        sent = pipeline.send(events(20, 0))
        assert numbers(pipeline, sent) == expected_numbers(20, 0)

        savepoint = bench.cluster.stop_with_savepoint(pipeline.job_id)
        sent = pipeline.send(events(20, 20))
        pipeline.submit(from_savepoint=savepoint)
        assert numbers(pipeline, sent) == expected_numbers(20, 20)
        assert pipeline.account().differences() == {}

        for _ in range(3):
            pipeline.wait_for_commit()
            pipeline.cancel()
            pipeline.submit()
            sent = pipeline.send(events(5, 40))
            assert numbers(pipeline, sent) == expected_numbers(5, 0)
        assert pipeline.account().repeats == 0
        pipeline.assert_never_failed()
    assert left_libraries(bench) == before
    note("5 submissions, 550 records, no library left behind")


def test_other_rules_from_a_savepoint(bench, note, tmp_path):
    """An open session keeps its expiry until its next event, and then follows the new rules."""
    minute = 60_000

    def click(user: str, at_min: int) -> Record:
        at_ms = load.START_MS + at_min * minute
        value = b'{"uid":"%s","log_name":"CLICK","ts":%d}' % (user.encode(), at_ms)
        return Record(user.encode(), value)

    shorter = tmp_path / "rules.json"
    shorter.write_text('{"default": {"timeout": "5m"}}')
    with bench.pipeline("--out-of-orderness", "0", "--allowed-lateness", "0") as pipeline:

        def expiries(*to_send: Record) -> list[int]:
            sent = pipeline.send(to_send)
            found = labels(pipeline.account(), sent)
            return [(each["session_expire_at"] - load.START_MS) // minute for each in found]

        assert expiries(click("rests", 0), click("goes on", 0)) == [30, 30]
        savepoint = bench.cluster.stop_with_savepoint(pipeline.job_id)
        pipeline.options += ("--rules", str(shorter))
        pipeline.submit(savepoint)
        # It joins by the old expiry, and has the new timeout from then on.
        assert expiries(click("goes on", 10), click("new", 10)) == [15, 15]
        # Between the two expiries: what the new rules gave has closed, the old one not yet.
        assert expiries(click("driver", 29)) == [34]
        early = {f"{user}_{load.START_MS + at}" for user, at in (("goes on", 0), ("new", 600_000))}
        closed = pipeline.wait_for_closed(early)
        assert {each["session_id"] for each in closed} == early
        assert expiries(click("driver", 31)) == [36]
        rests = f"rests_{load.START_MS}"
        [last] = [each for each in pipeline.wait_for_closed({rests}) if each["uid"] == "rests"]
        assert last["session_expire_at"] == load.START_MS + 30 * minute
        assert pipeline.account().differences() == {}
    note("timeout of 30 m, from the savepoint on 5 m: 3 sessions closed at 15, 15 and 30 m")


def test_lost_task_manager(bench, note):
    """A TaskManager is killed amid a load: the job goes on from its checkpoint, nothing is lost."""
    expected = load.generated(40_000, seed=6)
    half = len(expected) // 2
    with bench.pipeline(partitions=12, parallelism=12) as pipeline:
        pipeline.send([each.record for each in expected[:half]])
        checkpoint = pipeline.rest.wait_for_checkpoint(pipeline.job_id)
        pipeline.send([each.record for each in expected[half:]])
        bench.cluster.kill_task_manager()
        bench.cluster.start_task_manager()
        bench.cluster.wait()
        account = pipeline.account()
        restored = pipeline.rest.checkpoints(pipeline.job_id)["latest"]["restored"]
        pipeline.rest.wait_for_state(pipeline.job_id, "RUNNING")
    assert account.differences() == {}
    assert restored is not None
    assert restored["id"] >= checkpoint["id"]
    dead = sum(1 for each in expected if each.reason)
    assert len(account.dead) == dead
    note(f"{len(expected):,} records, {dead} dead letters, {account.repeats:,} repeats")


def left_libraries(bench) -> set[Path]:
    """Copies of the core's library in any folder for temporary files."""
    folders = (bench.run.folder / "tmp", Path(tempfile.gettempdir()))
    return {file for folder in folders for file in folder.glob(LIBRARY)}
