"""Results as they are kept: a file of JSON lines a level, one line a run."""

from __future__ import annotations

import functools
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rig import layout

FOLDER = layout.PROJECT / "benchmarks" / "results"


class Spread(NamedTuple):
    """A median, with the smallest and the largest of its values."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        values = sorted(values)
        return cls(statistics.median(values), values[0], values[-1], len(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def append(level: str, run: dict) -> None:
    """Keeps a run, with what the machine is and does."""
    run = {**run, "load_average": os.getloadavg()[0], "machine": machine()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{level}.jsonl").open("a") as lines:
        lines.write(json.dumps(run) + "\n")


def read(level: str) -> list[dict]:
    file = FOLDER / f"{level}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def clear(level: str) -> None:
    (FOLDER / f"{level}.jsonl").unlink(missing_ok=True)


def ratios(runs: list[dict], figure: str, over: str, under: str, **where: object) -> Spread | None:
    """One peer's figure over another's, round by round."""
    by_round: dict[int, dict[str, float]] = {}
    for run in runs:
        if all(run[name] == value for name, value in where.items()):
            by_round.setdefault(run["round"], {})[run["peer"]] = run[figure]
    found = [
        each[over] / each[under] for each in by_round.values() if over in each and under in each
    ]
    return Spread.of(found) if found else None


@functools.cache
def machine() -> str:
    """What the figures were measured on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    java = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.split("\n")
    rust = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    return f"{cores} x {cpu}, {memory:.0f} GiB, {java[0]}, {rust}, Linux {platform.release()}"


def numbers(level: str, rounds: int) -> range:
    """The numbers of the next rounds, behind those that are kept."""
    first = max((run["round"] for run in read(level)), default=0) + 1
    return range(first, first + rounds)


def turns(
    level: str, rounds: int, backends: list[str], peers: list[str]
) -> Iterator[tuple[int, str, str]]:
    """Every peer once a round, so that what else the machine does meets all alike."""
    for number in numbers(level, rounds):
        for backend in backends:
            for peer in peers:
                yield number, backend, peer
