"""The way of a record in one thread, through Flink's harness: its instructions, by callgrind."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console

from rig.benchmarks import pipeline, results

LEVEL = "operator"
MAIN = "com.main.benchmarks.OneThread"
PEERS = ("job", "twin", "identity")
# A third of them warms up: by then the compiler has done what it will do.
RECORDS = 150_000
LOAD = pipeline.Load(records=RECORDS, users=20_000, active=1_000)
# The goal of the job's over the twin's.
MOST_OVER_TWIN = 1.1
COMPILED_IN_TIME = "-Xbatch"  # at the same record in each run
# The launcher's thread is the first, the one that runs main the second.
MAIN_THREAD = "02"
CALLGRIND = (
    "valgrind",
    "--tool=callgrind",
    "--separate-threads=yes",
    "--smc-check=all-non-file",
    # The JVM finds out about null by a fault, and asks where exactly it happened.
    "--vex-iropt-register-updates=allregs-at-mem-access",
    "--quiet",
)


def measure(console: Console, *, peers: list[str]) -> None:
    """Counts what each peer's thread executes for a record."""
    if shutil.which("valgrind") is None:
        raise RuntimeError("it needs valgrind (apt install valgrind)")
    folder = pipeline.make_load(LOAD, 1)
    for peer in peers:
        with tempfile.TemporaryDirectory() as work:
            figures = _count(peer, folder, Path(work))
        results.append(LEVEL, {"peer": peer, **LOAD.figures(), **figures})
        console.print(f"{peer:10} {figures['instructions']:10,.0f} instructions a record")


def _count(peer: str, load: Path, work: Path) -> dict:
    wrapper = [*CALLGRIND, f"--callgrind-out-file={work}/counts"]
    command = pipeline.command(
        MAIN,
        f"peer={peer}",
        f"cache={pipeline.DEFAULT_CACHE}",
        f"load={load}",
        f"records={RECORDS}",
        heap="512m",
        wrapper=wrapper,
        flags=[COMPILED_IN_TIME],
    )
    java = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        _read_line(java)
        _dump(java)
        figures = json.loads(_read_line(java))
        _dump(java)
        java.wait()
    finally:
        java.kill()
    # The first dump is of what came before, the second of the records between.
    counts = re.search(r"^totals: (\d+)", (work / f"counts.2-{MAIN_THREAD}").read_text(), re.M)
    counted = RECORDS - RECORDS // 3
    return {
        "instructions": int(counts.group(1)) / counted,
        "bytes_out": figures["bytes_out"],
    }


def _read_line(java: subprocess.Popen) -> str:
    line = java.stdout.readline()
    if not line:
        raise RuntimeError(f"{MAIN} ended with {java.wait()}")
    return line


def _dump(java: subprocess.Popen) -> None:
    """Has the counts so far written, while Java waits, and lets it go on."""
    subprocess.run(["callgrind_control", "--dump", str(java.pid)], check=True, capture_output=True)
    java.stdin.write("\n")
    java.stdin.flush()
