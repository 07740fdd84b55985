"""What an event costs with many keys in state, every session open; and a million timers at once."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from rich.console import Console

from rig import layout
from rig.benchmarks import pipeline, results
from rig.benchmarks.pipeline import Load

LEVEL = "scale"
ACTIVE = 10_000
EVENTS = 3_000_000
# With few active: as many in all for any number of keys, so that the compiler comes as far.
RECORDS_OF_FEW = 13_000_000
# What many keys may cost over few, and the job over a bare read and write of state.
MOST_RATIO = 1.3


class Case(NamedTuple):
    """A peer on a number of keys; active are all of them, where every event misses the cache."""

    backend: str
    peer: str
    users: int
    active: int
    parallelism: int = 2

    def load(self) -> Load:
        records = self.users + EVENTS
        if self.active == ACTIVE:
            records = max(records, RECORDS_OF_FEW)
        return Load(records, self.users, self.active, open_sessions=True)


def cases(most_users: int) -> list[Case]:
    """The keys from ten thousand on, with few active and with all, up to a number; and one key."""
    users = [10**power for power in range(4, 8) if 10**power <= most_users]
    few = [Case("rocksdb", "job", each, ACTIVE) for each in users]
    all_of_them = [
        Case("rocksdb", peer, each, each)
        for each in users
        if each > pipeline.DEFAULT_CACHE
        for peer in ("job", "getput")
    ]
    one = [Case(backend, "job", 1, 1, parallelism=1) for backend in ("heap", "rocksdb")]
    return few + all_of_them + one


def measure(console: Console, *, rounds: int, most_users: int) -> None:
    """Runs every case once a round."""
    work = layout.RUNS / f"bench-{os.getpid()}"
    try:
        for number in results.numbers(LEVEL, rounds):
            for case in cases(most_users):
                load = case.load()
                folder = pipeline.make_load(load, case.parallelism)
                pipeline.run(
                    console,
                    LEVEL,
                    number,
                    case.backend,
                    case.peer,
                    case.parallelism,
                    load,
                    folder,
                    work,
                )
    finally:
        shutil.rmtree(work, ignore_errors=True)
