"""Flink, Kafka and Hadoop: fetched once, checked against known checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Callable

from rig import cache, layout

FLINK_VERSION = "1.18.1"
KAFKA_VERSION = "3.9.1"
HADOOP_VERSION = "3.3.6"
ARCHIVE = f"flink-{FLINK_VERSION}-bin-scala_2.12.tgz"
FLINK_SOURCES = layout.RIG / "flink" / "sources.txt"
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

Say = Callable[[str], None]


class PartError(Exception):
    """A part could not be fetched, or is not what it should be."""


def flink_home(say: Say = lambda note: None) -> Path:
    """A Flink 1.18.1 distribution: FLINK_HOME where it is set, else the fetched one.

    Nothing is written into it, so the user's own serves as it stands.
    """
    own = os.environ.get("FLINK_HOME")
    if own:
        home = Path(own).absolute()
        if not (home / "lib" / f"flink-dist-{FLINK_VERSION}.jar").is_file():
            raise PartError(f"FLINK_HOME={own} is no Flink {FLINK_VERSION} distribution")
        return home
    name = f"flink-{FLINK_VERSION}-{cache.fingerprint(FLINK_SOURCES)}"
    return cache.provide(name, lambda folder: _fetch_flink(folder, say))


def kafka_jars(say: Say = lambda note: None) -> Path:
    """The folder with the broker's jars."""
    return _jars("kafka", KAFKA_VERSION, say)


def hadoop_jars(say: Say = lambda note: None) -> Path:
    """The folder with the jars of HDFS: NameNode, DataNode and client."""
    return _jars("hadoop", HADOOP_VERSION, say)


def flink_archive(say: Say = lambda note: None) -> Path:
    """The distribution as the one file it is published as, which the playbooks take."""
    home = flink_home(say)
    name = f"flink-{FLINK_VERSION}-archive-{cache.fingerprint(FLINK_SOURCES, str(home))}"
    folder = cache.provide(name, lambda folder: _pack_flink(home, folder, say))
    return folder / ARCHIVE


def _fetch_flink(folder: Path, say: Say) -> None:
    say("fetching 232 MB with pip")
    fetched = folder / "fetched"
    fetched.mkdir()
    # Source packages, so pip asks them for their metadata; setuptools of this environment
    # answers, and nothing is built. TMPDIR: pip must not fill /tmp, which may be small.
    run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        + ["--no-cache-dir", "--no-deps", "--no-binary", ":all:", "--no-build-isolation"]
        + ["--require-hashes", "--requirement", FLINK_SOURCES, "--dest", fetched],
        env={**os.environ, "TMPDIR": str(fetched)},
    )
    for archive in sorted(fetched.glob("*.tar.gz")):
        say(f"unpacking {archive.name}")
        _unpack_deps(archive, folder)
    shutil.rmtree(fetched)
    for script in (folder / "bin").iterdir():
        script.chmod(0o755)


def _unpack_deps(archive: Path, folder: Path) -> None:
    """Unpacks what lies under `<package>/deps/`: there the packages keep the distribution."""
    with tarfile.open(archive) as tar:
        for member in tar:
            _, _, inside = member.name.partition("/deps/")
            if inside and not inside.startswith("examples"):
                member.name = inside
                tar.extract(member, folder)


def _pack_flink(home: Path, folder: Path, say: Say) -> None:
    say("packing the distribution")

    def as_published(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with tarfile.open(folder / ARCHIVE, "w:gz", compresslevel=1) as tar:
        for part in ("bin", "conf", "lib", "opt", "plugins"):
            tar.add(home / part, f"flink-{FLINK_VERSION}/{part}", filter=as_published)


def _jars(of: str, version: str, say: Say) -> Path:
    """The jars of a pom beside this file, each with the checksum written down there."""
    pom, checksums = layout.RIG / of / "pom.xml", layout.RIG / of / "jars.sha256"
    name = f"{of}-{version}-{cache.fingerprint(pom, checksums)}"
    return cache.provide(name, lambda folder: _fetch_jars(folder, pom, checksums, say))


def _fetch_jars(folder: Path, pom: Path, checksums: Path, say: Say) -> None:
    say("fetching its jars with Maven")
    run(
        ["mvn", "--batch-mode", "--quiet", "--file", pom]
        + [f"{DEPENDENCY_PLUGIN}:copy-dependencies", f"-DoutputDirectory={folder}"]
    )
    expected = dict(reversed(line.split()) for line in checksums.read_text().splitlines() if line)
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
    wrong = [
        jar for jar in sorted(expected.keys() | found.keys()) if expected.get(jar) != found.get(jar)
    ]
    if wrong:
        raise PartError(f"these jars are not the ones of {checksums}: {', '.join(wrong)}")


def run(command: list, **options: object) -> None:
    """Runs a command; where it fails, what it printed is the error."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    if done.returncode != 0:
        words = " ".join(str(word) for word in command)
        raise PartError(f"{words}\nended with {done.returncode}:\n{done.stdout}")
