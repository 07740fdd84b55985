"""What a JVM holds on to: class loaders, metaspace, open files, mapped libraries, memory."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from rig import checks
from rig.processes import Known, ProcessError

# Flink's loader of a job's classes; there is one for each job that a process knows.
JOB_LOADER = "org.apache.flink.util.ChildFirstClassLoader"
LIBRARY = "libsession_core"
# The folder of the library's copy, which is there only while it is linked.
COPIES = "session-core-*"
# For the JVM to count its own memory by purpose, which tells what grew.
OPTIONS = "-XX:NativeMemoryTracking=summary"


class Footprint(NamedTuple):
    """Figures of one process, after a full collection."""

    loaders: int
    metaspace_mb: float
    files: int
    # How many copies of the core are mapped: one is left by each class loader that ever was.
    libraries: int
    memory_mb: float

    @classmethod
    def of(cls, process: Known) -> Footprint:
        # Collects all garbage first, dead class loaders with their metaspace too.
        histogram = _jcmd(process, "GC.class_histogram")
        counted = re.search(rf"^\s*\d+:\s+(\d+)\s+\d+\s+{JOB_LOADER}\b", histogram, re.MULTILINE)
        heap = _jcmd(process, "GC.heap_info")
        proc = Path(f"/proc/{process.pid}")
        return cls(
            loaders=int(counted.group(1)) if counted else 0,
            metaspace_mb=int(re.search(r"Metaspace\s+used (\d+)K", heap).group(1)) / 1024,
            files=sum(1 for _ in (proc / "fd").iterdir()),
            libraries=len(_mapped(proc)),
            memory_mb=int(re.search(r"VmRSS:\s+(\d+)", (proc / "status").read_text()).group(1))
            / 1024,
        )


def begin_count(process: Known) -> None:
    """Takes the memory that the JVM has now, by purpose, as what `grown` compares with."""
    _jcmd(process, "VM.native_memory", "baseline")


def grown(process: Known) -> str:
    """The JVM's memory by purpose, and what came to each since `begin_count`."""
    return _jcmd(process, "VM.native_memory", "summary.diff", "scale=KB")


def threads(process: Known) -> str:
    """The stacks of all threads, among which is one that holds a class loader, if any does."""
    return _jcmd(process, "Thread.print")


def _mapped(proc: Path) -> set[str]:
    """The inodes of the core's copies that are mapped; their files are gone."""
    lines = (proc / "maps").read_text().splitlines()
    return {line.split()[4] for line in lines if LIBRARY in line}


def _jcmd(process: Known, *command: str) -> str:
    done = subprocess.run(
        [checks.java("jcmd"), str(process.pid), *command], capture_output=True, text=True
    )
    if done.returncode != 0:
        words = " ".join(command)
        raise ProcessError(f"jcmd {words} of {process.name} failed: {done.stdout}{done.stderr}")
    return done.stdout
