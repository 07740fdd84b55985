"""Savepoints of releases, kept in the repository for every later version to go on from."""

from __future__ import annotations

import json
from pathlib import Path

from rig import layout, load
from rig.records import Record, StoredRecord

# RELEASE/KIND: what `flink stop` wrote, and what the job had written by then. Never changed.
KEPT = layout.PROJECT / "scripts" / "e2e" / "savepoints"
WRITTEN = "written.jsonl"

KINDS = {
    "arrival": (),
    # Events wait in the state, and the operator that watches for silence has some of its own.
    "event-time": ("--order", "event-time", "--advance-when-silent", "1h", "--idle-timeout", "1h"),
}
# Before the generated load, which may come after these events.
START_MS = load.START_MS - 3_600_000
# Of the input, the output and the session topic; a savepoint names its partitions.
PARTITIONS = 2
USERS = 10
# Events of each user before the savepoint and after it.
BEFORE, AFTER = 20, 20
# Of those before it, what the default --out-of-orderness of 5 s leaves waiting.
WAITING = {"arrival": 0, "event-time": 6}


def saved() -> list[Path]:
    return sorted(each.parent for each in KEPT.glob("*/*/_metadata"))


def topics(kind: str) -> str:
    """What the names of the topics begin with."""
    return f"golden-{kind}"


def before() -> list[Record]:
    return _events(0, BEFORE)


def after() -> list[Record]:
    return _events(BEFORE, AFTER)


def driver() -> list[Record]:
    """Takes event time so far that none of the others waits any longer."""
    return _events(60, 1)


def _events(start: int, count: int) -> list[Record]:
    """One event a second for each user, always at the same partition and offset."""
    return [
        Record(
            b"u%d" % user,
            b'{"uid":"u%d","log_name":"CIN","ts":%d}' % (user, START_MS + second * 1000),
            partition=user % PARTITIONS,
        )
        for second in range(start, start + count)
        for user in range(USERS)
    ]


def without_path(content: bytes, folder: Path) -> bytes:
    """A savepoint's file without a folder's name, in what only tells its pieces apart."""
    path = bytes(folder)
    # As long as it was: its length stands before it.
    return content.replace(path, b"/somewhere".ljust(len(path), b"-"))


def keep_written(place: Path, outputs: list[StoredRecord]) -> None:
    lines = (
        json.dumps(
            {
                "key": each.key.decode(),
                "value": each.value.decode(),
                "headers": [[name, value.decode()] for name, value in each.headers],
            }
        )
        for each in outputs
    )
    (place / WRITTEN).write_text("".join(f"{line}\n" for line in lines))


def written(place: Path) -> list[Record]:
    """What the job of the release had written before its savepoint, to be written once more."""
    found = []
    for line in (place / WRITTEN).read_text().splitlines():
        entry = json.loads(line)
        headers = tuple((name, value.encode()) for name, value in entry["headers"])
        found.append(Record(entry["key"].encode(), entry["value"].encode(), headers))
    return found
