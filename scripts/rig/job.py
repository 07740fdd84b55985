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
    name = "broken-release.jar" if build_id else "next-release.jar"
    other = {"META-INF/release.txt": b"the next one"}
    if build_id:
        other["native/build-id.txt"] = f"{build_id}\n".encode()
    return _changed(folder / name, other)


def failing_release(folder: Path) -> Path:
    """A jar with the library whose records can ask for a panic, for tests."""
    native = folder / "native-failing"
    command = [layout.PROJECT / "scripts" / "build-native", "--failing", native]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    libraries = {
        f"native/{file.relative_to(native)}": file.read_bytes() for file in native.glob("*/*.so")
    }
    return _changed(folder / "failing-release.jar", libraries)


def _changed(jar: Path, other: dict[str, bytes]) -> Path:
    """The job's jar with some files in place of its own, or beside them."""
    jar.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(layout.JAR) as old, zipfile.ZipFile(jar, "w") as new:
        for entry in old.infolist():
            new.writestr(entry, other.pop(entry.filename, None) or old.read(entry))
        for name, content in other.items():
            new.writestr(name, content)
    return jar


def _sources() -> Iterator[Path]:
    for name in SOURCES:
        source = layout.PROJECT / name
        if source.is_file():
            yield source
        for folder, folders, files in os.walk(source):
            folders[:] = [each for each in folders if each not in NO_SOURCES]
            yield from (Path(folder, each) for each in files)
