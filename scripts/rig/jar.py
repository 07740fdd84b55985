"""What is in the job's jar, and what must not be."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import struct
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rig import job, layout
from rig.native import build, elf

MAX_BYTES = 15 * 1000 * 1000
# Java 8.
MAX_CLASS_VERSION = 52
BUILD_ID = "native/build-id.txt"
PLATFORMS = "native/platforms.txt"
# glibc's own parts.
SYSTEM_LIBRARIES = (
    "libc.so.",
    "libpthread.so.",
    "libdl.so.",
    "libm.so.",
    "libgcc_s.so.",
    "ld-linux-",
)
EXPORTS = "Java_com_main_core_"
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
        manifest = _manifest(content)
        if manifest.get("Main-Class") != layout.JOB_CLASS:
            yield f"the manifest names no Main-Class: {layout.JOB_CLASS}"
        for name in names:
            yield from _problems_of_entry(name, content)
        yield from _problems_of_libraries(names, manifest, content)


def _problems_of_libraries(
    names: list[str], manifest: dict[str, str], content: zipfile.ZipFile
) -> Iterable[str]:
    """What the libraries ask of a machine, against what the manifest promises."""
    found = {name.split("/")[1]: content.read(name) for name in names if _is_library(name)}
    if not found:
        yield f"no library under native/, for any of {', '.join(build.TRIPLES)}"
    told = ", ".join(
        f"{name} (glibc {build.least_glibc(found[name])})"
        for name in build.TRIPLES
        if name in found
    )
    if manifest.get("Native-Platforms") != told:
        yield f"the manifest names {manifest.get('Native-Platforms')} and the jar holds {told}"
    if PLATFORMS not in names or content.read(PLATFORMS).decode().strip() != told:
        yield f"{PLATFORMS} does not name what the jar holds, {told}"
    if BUILD_ID not in names:
        yield f"no {BUILD_ID}, which the loader compares with the library's own"
    elif manifest.get("Native-Build-Id") != content.read(BUILD_ID).decode().strip():
        yield f"the manifest names another build than {BUILD_ID}"
    if manifest.get("Native-Targets") == "all" and len(found) < len(build.TRIPLES):
        yield "built for all platforms, and one is missing"
    for name, library in found.items():
        for problem in _problems_of_library(
            name, elf.read(library), manifest.get("Native-Targets") != "host"
        ):
            yield f"native/{name}: {problem}"


def _problems_of_library(name: str, library: elf.Library, portable: bool) -> Iterable[str]:
    if library.platform != name:
        yield f"is built for {library.platform}"
    if portable and library.glibc > build.OLDEST_GLIBC:
        version = ".".join(map(str, library.glibc))
        yield f"needs GLIBC_{version}, newer than 2.17: it was linked without zig"
    for need in library.needed:
        if not need.startswith(SYSTEM_LIBRARIES):
            yield f"needs {need}, which not every host has"
    for export in library.exports:
        if not export.startswith(EXPORTS):
            yield f"exports {export}, which is none of the shim's calls"
    if not library.exports:
        yield "exports nothing"
    if not library.nodelete:
        yield "may be unmapped (no NODELETE), which crashes threads on glibc 2.17"
    if library.static_tls:
        yield "needs static TLS, which a running JVM may have no room for"
    if library.search_path:
        yield "names folders of its own to search for libraries"


def _manifest(content: zipfile.ZipFile) -> dict[str, str]:
    # A line that begins with a blank goes on with the one before.
    text = content.read("META-INF/MANIFEST.MF").decode().replace("\r\n", "\n").replace("\n ", "")
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


def _problems_of_entry(name: str, content: zipfile.ZipFile) -> Iterable[str]:
    if name.startswith("native/") and name not in (BUILD_ID, PLATFORMS) and not _is_library(name):
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
    return folder in {f"native/{platform}" for platform in build.TRIPLES} and file.endswith(".so")


def differences_of_a_rebuild(jar: Path) -> Iterable[str]:
    """What the same sources become in a folder of another name, where that is something else."""
    copy = layout.RUNS / "rebuild" / "copied-sources"
    shutil.rmtree(copy, ignore_errors=True)
    unwanted = shutil.ignore_patterns(".git", ".run", "target", "__pycache__")
    shutil.copytree(layout.PROJECT, copy, ignore=unwanted)
    with zipfile.ZipFile(jar) as content:
        targets = _manifest(content).get("Native-Targets")
    command = ["mvn", "--batch-mode", "--quiet", "-DskipTests", f"-Dnative.targets={targets}"]
    done = subprocess.run([*command, "package"], cwd=copy, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        yield f"the second build failed, in {copy}"
        return
    second = copy / layout.JAR.relative_to(layout.PROJECT)
    if second.read_bytes() != jar.read_bytes():
        one, other = _digests(jar), _digests(second)
        names = [name for name in sorted({**one, **other}) if one.get(name) != other.get(name)]
        told = ", ".join(names) or "order, times or packing"
        yield f"differs from the one built in {copy}: {told}"
        return
    print(f"Built a second time in {copy}: SHA-256 {hashlib.sha256(jar.read_bytes()).hexdigest()}")
    shutil.rmtree(copy)


def _digests(jar: Path) -> dict[str, str]:
    with zipfile.ZipFile(jar) as content:
        return {name: hashlib.sha256(content.read(name)).hexdigest() for name in content.namelist()}


def main() -> int:
    options = _parser().parse_args()
    jar = options.jar
    if not jar.is_file():
        print(f"{jar} is not there; build it with: mvn -U -DskipTests package", file=sys.stderr)
        return 2
    if options.rebuild and job.stale():
        print("the jar is older than its sources; build it first", file=sys.stderr)
        return 2
    found = list(problems(jar))
    if options.rebuild:
        found += differences_of_a_rebuild(jar)
    for problem in found:
        print(problem)
    print(f"{jar.name}: {jar.stat().st_size:,} bytes, {'FAIL' if found else 'PASS'}")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/check-jar", description=__doc__)
    parser.add_argument("jar", nargs="?", type=Path, default=layout.JAR)
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="build it once more, in another folder, and compare byte for byte",
    )
    return parser
