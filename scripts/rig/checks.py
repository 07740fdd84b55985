"""What a machine must have, checked before anything is done, all at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from rig.processes import refusal

GIB = 1024**3


def missing_tools() -> list[str]:
    """The tools that are not there, each with a way to get it."""
    missing = []
    if sys.version_info < (3, 9):  # noqa: UP036 (this is where an older one is told)
        missing.append(f"Python 3.9 or newer (this one is {sys.version.split()[0]})")
    if sys.platform != "linux":
        missing.append("Linux: the job's library is built for x86_64 and aarch64 Linux")
    version = java_version()
    if version is None or version < 11 or shutil.which(str(java("javac"))) is None:
        found = "none found" if version is None else f"{java()} is version {version} or no JDK"
        missing.append(
            f"a JDK, version 11 or 17, by JAVA_HOME or PATH ({found}; "
            "Debian and Ubuntu: apt install openjdk-17-jdk-headless)"
        )
    for tool, what in (
        ("mvn", "Maven 3.8 or newer (apt install maven)"),
        ("cargo", "Rust (https://rustup.rs)"),
        ("cc", "a C compiler and linker (apt install build-essential)"),
        ("bash", "bash (apt install bash)"),
    ):
        if shutil.which(tool) is None:
            missing.append(what)
    return missing


def java(tool: str = "java") -> Path:
    """The JDK's own program: JAVA_HOME's where it is set, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    return Path(home, "bin", tool) if home else Path(shutil.which(tool) or tool)


def java_version() -> int | None:
    """8, 11, 17 ...; None where there is no Java."""
    try:
        answer = subprocess.run([java(), "-version"], capture_output=True, text=True)
    except OSError:
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(found.group(1)) if found else None


def taken_ports(ports: dict) -> list[str]:
    """The ports that something listens on already; `ports` is {option: port}."""
    refusals = ((option, port, refusal(port)) for option, port in ports.items())
    return [
        f"port {port}, which is taken ({reason}); choose another with {option}"
        for option, port, reason in refusals
        if reason
    ]


def short_space(folder: Path, memory_gib: float, disk_gib: float) -> list[str]:
    """Too little free memory, or too little free disk under `folder`."""
    short = []
    found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    memory = int(found.group(1)) * 1024 / GIB if found else memory_gib
    if memory < memory_gib:
        short.append(f"{memory_gib:g} GB of free memory (there are {memory:.1f})")
    while not folder.exists():
        folder = folder.parent
    disk = shutil.disk_usage(folder).free / GIB
    if disk < disk_gib:
        short.append(f"{disk_gib:g} GB of free disk under {folder} (there are {disk:.1f})")
    return short


def sentence(problems: list[str]) -> str:
    """All problems as one list."""
    return "This machine is not ready. It needs:\n" + "".join(
        f"  - {problem}\n" for problem in problems
    )
