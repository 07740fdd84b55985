"""What the playbooks ask a host, by the shell scripts that they send there."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.layout import PROJECT

FILES = PROJECT / "scripts" / "deploy" / "roles" / "flink" / "files"
CLASS = "org.apache.flink.Something"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def preflight(folder: Path, **told: str) -> list[str]:
    """The lines for a host that is right but for what is told."""
    java = program(folder / "java" / "bin" / "java", "echo 'openjdk version \"17.0.2\"' >&2")
    # Installed already: the machine of the tests may have little room.
    (folder / "opt" / "flink" / "current").mkdir(parents=True)
    asked = {
        "RUN_AS": getpass.getuser(),
        "INIT": "scripts",
        "JAVA": str(java.parents[1]),
        "HADOOP": "",
        "HADOOP_VERSION": "3.3.6",
        "CONF_DIR": "",
        "CLASSPATH": "",
        "ROOT": str(folder / "opt" / "flink"),
        "TEMPORARY": str(folder / "opt" / "flink" / "tmp"),
        "ENDPOINTS": "",
        "PORTS": "",
    }
    done = subprocess.run(
        ["bash", "-s"],
        input=(FILES / "preflight.sh").read_text(),
        env={**os.environ, **asked, **told},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("1.8.0_402", "java: 8"),
        ("11.0.2", "java: 11"),
        ("17", "java: 17"),
        ("21.0.1", "problem: Java 21 at {java}; Flink 1.18 runs on 8, 11 and 17"),
    ],
)
def test_java_is_told_by_its_version(tmp_path, version, line):
    home = tmp_path / "own"
    program(home / "bin" / "java", f"echo 'openjdk version \"{version}\"' >&2")
    assert preflight(tmp_path, JAVA=str(home)) == [line.format(java=home)]


def test_what_is_not_there_is_told_at_once(tmp_path):
    missing = str(tmp_path / "missing")
    lines = preflight(
        tmp_path,
        JAVA=missing,
        HADOOP=missing,
        RUN_AS="somebody-else",
        ENDPOINTS="127.0.0.1:1 localhost:1",
    )
    assert lines == [
        f"problem: logged in as {getpass.getuser()}, which with flink_become: false has to be"
        " flink_user (somebody-else)",
        f"problem: no Java at {missing}; set flink_java_home",
        f"problem: no Hadoop client at flink_hadoop_home {missing}",
        "problem: 127.0.0.1:1 does not answer",
        "problem: localhost:1 does not answer",
    ]


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        ("3.3.6", ["classpath: /conf:/a.jar"]),
        (
            "3.3.1",
            [
                "problem: Hadoop 3.3.1 at {home}, not 3.3.6 (flink_hadoop_version)",
                "classpath: /conf:/a.jar",
            ],
        ),
    ],
)
def test_hadoop_says_its_version_and_class_path(tmp_path, version, lines):
    home = tmp_path / "hadoop"
    program(
        home / "bin" / "hadoop",
        'case "$*" in\n'
        f'version) echo "Hadoop {version}" ;;\n'
        '"classpath --glob") echo "$HADOOP_CONF_DIR:/a.jar" ;;\n'
        "esac",
    )
    told = preflight(tmp_path, HADOOP=str(home), CONF_DIR="/conf")
    assert told[1:] == [line.format(home=home) for line in lines]


def test_a_class_path_has_to_be_there(tmp_path):
    (tmp_path / "jars").mkdir()
    path = f"{tmp_path}/jars/*:{tmp_path}/missing.jar"
    told = preflight(tmp_path, CLASSPATH=path)
    assert told[1:] == [
        f"problem: flink_hadoop_classpath names {tmp_path}/missing.jar, which is not there",
        f"classpath: {path}",
    ]


def test_a_port_in_use_and_a_place_that_answers(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        told = preflight(tmp_path, ENDPOINTS=place, PORTS=place)
    port = place.partition(":")[2]
    assert told[1:] == [f"problem: port {port} is taken, and not by this Flink"]


def state(pid_file: Path, *files: Path) -> str:
    command = ["bash", FILES / "process_state.sh", CLASS, pid_file, *files]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


@pytest.fixture
def process():
    """A process that bears the class's name, some seconds old."""
    waits = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", waits, CLASS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdout.readline()
        time.sleep(2)
        yield running
        running.stdin.close()


def test_a_process_is_known_by_its_class(tmp_path, process):
    pids = tmp_path / "pids"
    assert state(pids) == "stopped"
    # One that ended and one of another program.
    pids.write_text(f"999999999\n{os.getpid()}\n")
    assert state(pids) == "stopped"
    pids.write_text(f"{process.pid}\n999999999\n{os.getpid()}\n")
    assert state(pids, tmp_path / "missing") == "running"


def test_a_process_is_stale_when_what_it_reads_is_newer(tmp_path, process):
    pids, conf = tmp_path / "pids", tmp_path / "conf"
    pids.write_text(f"{process.pid}\n")
    conf.touch()
    now = time.time()
    os.utime(conf, (now, now - 60))
    assert state(pids, conf) == "running"
    os.utime(conf, (now, now + 60))
    assert state(pids, conf) == "stale"
