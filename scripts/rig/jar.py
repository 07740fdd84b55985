"""What is in the job's jar, and what must not be."""

from __future__ import annotations

import argparse
import struct
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rig import layout

MAX_BYTES = 15 * 1000 * 1000
# Java 8.
MAX_CLASS_VERSION = 52
BUILD_ID = "native/build-id.txt"
PLATFORMS = ("linux-x86_64", "linux-aarch_64")
# The job, the connector with its client and that client's codecs, and the options' parser. Flink
# itself, logging and the state backend are the cluster's: a second copy of them breaks at run time.
PACKAGES = (
    "com/main/",
    "org/apache/flink/connector/kafka/",
    "org/apache/flink/streaming/connectors/kafka/",
    "org/apache/flink/streaming/util/serialization/",
    "org/apache/kafka/",
    "com/github/luben/zstd/",
    "net/jpountz/",
    "org/xerial/snappy/",
    "picocli/",
)


def problems(jar: Path) -> Iterable[str]:
    """What is wrong with the jar, one sentence each."""
    size = jar.stat().st_size
    if size > MAX_BYTES:
        yield f"{size:,} bytes, more than {MAX_BYTES:,}"
    with zipfile.ZipFile(jar) as content:
        names = [name for name in content.namelist() if not name.endswith("/")]
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{name} is there {count} times"
        manifest = content.read("META-INF/MANIFEST.MF").decode()
        if f"Main-Class: {layout.JOB_CLASS}" not in manifest.splitlines():
            yield f"the manifest names no Main-Class: {layout.JOB_CLASS}"
        if not any(_is_library(name) for name in names):
            yield f"no library under native/, for any of {', '.join(PLATFORMS)}"
        if BUILD_ID not in names:
            yield f"no {BUILD_ID}, which the loader compares with the library's own"
        for name in names:
            yield from _problems_of_entry(name, content)


def _problems_of_entry(name: str, content: zipfile.ZipFile) -> Iterable[str]:
    if name.startswith("native/") and name != BUILD_ID and not _is_library(name):
        yield f"{name}: no library of a known platform"
    if not name.endswith(".class"):
        return
    # A class for a newer Java stands in a folder of its own, where an older one does not look.
    if not name.startswith("META-INF/versions/"):
        version = struct.unpack(">4xHH", content.open(name).read(8))[1]
        if version > MAX_CLASS_VERSION:
            yield f"{name}: class version {version}, above {MAX_CLASS_VERSION}"
        if not name.startswith(PACKAGES):
            yield f"{name}: a class that has no place here"


def _is_library(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return folder in {f"native/{platform}" for platform in PLATFORMS} and file.endswith(".so")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/check-jar", description=__doc__)
    parser.add_argument("jar", nargs="?", type=Path, default=layout.JAR)
    jar = parser.parse_args().jar
    if not jar.is_file():
        print(f"{jar} is not there; build it with: mvn -U -DskipTests package", file=sys.stderr)
        return 2
    found = list(problems(jar))
    for problem in found:
        print(problem)
    print(f"{jar.name}: {jar.stat().st_size:,} bytes, {'FAIL' if found else 'PASS'}")
    return 1 if found else 0
