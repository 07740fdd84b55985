"""The whole pipeline on a MiniCluster, with an in-memory source: one fresh JVM a run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from rig import checks, job, layout
from rig.benchmarks import results

LEVEL = "pipeline"
MAIN = "com.main.benchmarks.Pipeline"
PEERS = ("plain", "stock", "job", "job@0", "twin", "identity", "getput")
BENCHMARKS = layout.PROJECT / "benchmarks"
CLASSES = BENCHMARKS / "target" / "classes"
CLASS_PATH = BENCHMARKS / "target" / "class-path"
# What takes longer for a record is compiled with fewer: they take this part of the records.
PARTS = {"plain": 2, "stock": 6}
DEFAULT_CACHE = 131072


class Load(NamedTuple):
    """The records, as benchmarks/.../Load.java makes them."""

    # With fewer the quick peers go through much of the window before all is compiled.
    records: int = 24_000_000
    users: int = 200_000
    active: int = 10_000
    # Whether each user comes once before all else, and no session closes before the end.
    open_sessions: bool = False

    def folder(self, partitions: int) -> Path:
        kind = "open" if self.open_sessions else "load"
        return layout.RUNS / f"{kind}-{self.records}-{self.users}-{self.active}-{partitions}"

    def figures(self) -> dict[str, int]:
        return {"records": self.records, "users": self.users, "active": self.active}


LOAD = Load()


def build(log: Path) -> None:
    """Builds the jar where it is stale, and the benchmarks on it."""
    if job.stale():
        job.build(log)
    subprocess.run(
        ["mvn", "--batch-mode", "--quiet", "-f", BENCHMARKS / "pom.xml", "compile"],
        check=True,
        cwd=layout.PROJECT,
        stdin=subprocess.DEVNULL,
    )


def java(main: str, *arguments: str, heap: str = "2g", wrapper: list[str] = ()) -> str:
    """Runs a class by its full name, on the benchmarks' class path; returns what it prints."""
    done = subprocess.run(
        command(
            main,
            *arguments,
            heap=heap,
            wrapper=wrapper,
            # The second, so that what compiling takes can be told apart: CompilerThreads.java.
            flags=["-XX:+UseG1GC", "-XX:-UseDynamicNumberOfCompilerThreads"],
        ),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{main} {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def command(
    main: str, *arguments: str, heap: str, wrapper: list[str], flags: list[str]
) -> list[str]:
    """The command that runs a class by its full name, on the benchmarks' class path."""
    opens = re.search(r"<jvm.opens>(--add-exports[^<]*)", (layout.PROJECT / "pom.xml").read_text())
    return [
        *wrapper,
        checks.java(),
        *(f"-Xms{heap}", f"-Xmx{heap}", "-XX:MaxDirectMemorySize=1g", *flags),
        *(opens.group(1).split() if opens else []),
        "-cp",
        f"{CLASSES}:{CLASS_PATH.read_text()}",
        main,
        *arguments,
    ]


def make_load(load: Load, partitions: int) -> Path:
    folder = load.folder(partitions)
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        java(
            MAIN,
            f"make={partial}",
            f"partitions={partitions}",
            *(f"{name}={value}" for name, value in load.figures().items()),
            *(["open-sessions=true"] if load.open_sessions else []),
        )
        partial.rename(folder)
    return folder


def measure(
    console: Console,
    *,
    rounds: int,
    backends: list[str],
    peers: list[str],
    parallelism: int,
    load: Load,
) -> None:
    """Runs every peer once a round, so that what else the machine does meets all alike."""
    folder = make_load(load, parallelism)
    work = layout.RUNS / f"bench-{os.getpid()}"
    try:
        for number, backend, peer in results.turns(LEVEL, rounds, backends, peers):
            run(console, LEVEL, number, backend, peer, parallelism, load, folder, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run(
    console: Console,
    level: str,
    number: int,
    backend: str,
    peer: str,
    parallelism: int,
    load: Load,
    folder: Path,
    work: Path,
) -> None:
    """One peer on one load, in a JVM of its own; keeps what it took."""
    name, _, cache = peer.partition("@")
    records = load.records // PARTS.get(name, 1)
    shutil.rmtree(work, ignore_errors=True)
    began = time.monotonic()
    printed = java(
        MAIN,
        f"peer={name}",
        f"backend={backend}",
        f"parallelism={parallelism}",
        f"records={records}",
        f"cache={cache or DEFAULT_CACHE}",
        f"load={folder}",
        f"work={work}",
        *([f"opened={load.users}"] if load.open_sessions else []),
        wrapper=os.environ.get("BENCH_WRAPPER", "").split(),
    )
    figures = json.loads(printed.splitlines()[-1])
    kept = {
        "round": number,
        "backend": backend,
        "peer": peer,
        "parallelism": parallelism,
        **load.figures(),
        **figures,
    }
    results.append(level, kept)
    console.print(
        f"round {number}  {backend:20} {peer:10} {load.users:10,} users"
        f" {figures['cpu_us_per_event']:7.2f} us/event"
        f" ({figures['steady_us_per_event']:.2f} without compiling)"
        f"  {figures['cores']:.2f} cores  {time.monotonic() - began:.0f} s"
    )
