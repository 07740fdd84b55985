"""The job's jar: built where it is missing or older than what it is made of."""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

from rig import layout
from rig.processes import tail

# What the jar is made of, without cargo's work and what only tests and the fuzzer read.
SOURCES = (
    "pom.xml",
    "Cargo.toml",
    "Cargo.lock",
    "java-shim",
    "rust-core",
    "scripts/build-native",
    "scripts/rig/native",
)
NO_SOURCES = {"target", "test", "tests", "benches", "scenarios", "fuzz", "replay"}

# The topics it reads and writes where no option names others.
INPUT, OUTPUT, DEAD_LETTERS = "log-before", "log-after", "log-before.dlq"


class BuildError(Exception):
    """The jar could not be built."""


def stale() -> bool:
    """Whether the jar has to be built."""
    if not layout.JAR.exists():
        return True
    built = layout.JAR.stat().st_mtime
    return any(source.stat().st_mtime > built for source in _sources())


def build(log: Path) -> None:
    """Builds the jar, as the README says."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            ["mvn", "--batch-mode", "-U", "-DskipTests", "package"],
            cwd=layout.PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if done.returncode != 0 or not layout.JAR.exists():
        raise BuildError(f"the build failed; the end of {log}:\n{tail(log, 40)}")


def another_release(folder: Path, build_id: str | None = None) -> Path:
    """A jar as the next release's, for tests; with another build id it refuses its own library."""
    folder.mkdir(parents=True, exist_ok=True)
    jar = folder / ("broken-release.jar" if build_id else "next-release.jar")
    with zipfile.ZipFile(layout.JAR) as old, zipfile.ZipFile(jar, "w") as new:
        for entry in old.infolist():
            is_id = build_id and entry.filename == "native/build-id.txt"
            new.writestr(entry, f"{build_id}\n".encode() if is_id else old.read(entry))
        new.writestr("META-INF/release.txt", "the next one")
    return jar


def _sources() -> Iterator[Path]:
    for name in SOURCES:
        source = layout.PROJECT / name
        if source.is_file():
            yield source
        for folder, folders, files in os.walk(source):
            folders[:] = [each for each in folders if each not in NO_SOURCES]
            yield from (Path(folder, each) for each in files)
