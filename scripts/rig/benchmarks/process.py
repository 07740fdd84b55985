"""What a process has taken, as the operating system counts it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

# The names of HotSpot's compiler threads, as far as the kernel keeps them.
COMPILERS = ("C1 CompilerThre", "C2 CompilerThre")


class Cpu(NamedTuple):
    """CPU time in seconds: in all, and that of the JVM's compiler threads."""

    all_s: float
    compilers_s: float

    @classmethod
    def of(cls, pid: int) -> Cpu:
        compilers = 0.0
        for thread in Path(f"/proc/{pid}/task").iterdir():
            try:
                if (thread / "comm").read_text().strip() in COMPILERS:
                    compilers += _seconds(thread / "stat")
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended meanwhile
        return cls(_seconds(Path(f"/proc/{pid}/stat")), compilers)


def machine_busy_s() -> float:
    """CPU time in seconds that everything on the machine has taken together."""
    first, *_ = Path("/proc/stat").read_text().splitlines()
    user, nice, system, _, _, interrupts, soft_interrupts, *_ = map(int, first.split()[1:])
    busy = user + nice + system + interrupts + soft_interrupts
    return busy / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) // 1024


def _seconds(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
