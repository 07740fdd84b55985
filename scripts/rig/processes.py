"""The processes of one run: each known by its id and start time, so that no other is ever hit."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

# Settings of the user's own Flink, Kafka or Hadoop, which would leak into the run.
FOREIGN = (
    "FLINK_",
    "KAFKA_",
    "HADOOP_",
    "HBASE_",
    "YARN_",
    "SESSION_JOB_",
    "CLASSPATH",
    "JVM_ARGS",
)

# Ports given to processes of this run, which may not listen on them yet.
_GIVEN_PORTS: set[int] = set()


class ProcessError(Exception):
    """A process ended or did not come up; the text names its log."""


def run_to_end(command: list, name: str, folder: Path) -> None:
    """Runs a program of the run that ends by itself, in a folder; a failure tells what it said."""
    done = subprocess.run(
        command,
        env=environment(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise ProcessError(f"{name} failed:\n{done.stdout}")


class Known(NamedTuple):
    """A process that was started: `started` is its start time in clock ticks since boot."""

    name: str
    pid: int
    started: int

    def alive(self) -> bool:
        return _state(self.pid) == (self.started, True)


class Processes:
    """The processes of a run folder, written down there so that a later script can stop them."""

    def __init__(self, folder: Path):
        self._file = folder / "processes.json"
        self._logs = folder / "logs"
        # Children that nobody waits for would stay as zombies.
        self._children: list[subprocess.Popen] = []

    def known(self) -> list[Known]:
        try:
            return [Known(*entry) for entry in json.loads(self._file.read_text())]
        except FileNotFoundError:
            return []

    def alive(self) -> list[Known]:
        return [process for process in self.known() if process.alive()]

    def alive_of(self, kind: str) -> list[Known]:
        """Those whose name begins with a word, the oldest first; there has to be one."""
        found = [process for process in self.alive() if process.name.startswith(kind)]
        if not found:
            raise ProcessError(f"no {kind} runs; its log: {self.log(kind)}")
        return found

    def log(self, name: str) -> Path:
        """What the process writes to its standard output and error."""
        return self._logs / f"{name}.out"

    def start(self, name: str, command: list, env: dict[str, str], cwd: Path) -> Known:
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            # A session of its own: Ctrl-C in the terminal must reach the script, which then stops
            # the processes in order, and they outlive the script where they should.
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        self._children.append(child)
        process = Known(name, child.pid, _state(child.pid)[0])
        self._write([*self.known(), process])
        return process

    def check(self, process: Known) -> None:
        """Raises when the process has ended."""
        if not process.alive():
            log = self.log(process.name)
            raise ProcessError(f"{process.name} ended; the end of {log}:\n{tail(log)}")

    def wait_until(self, process: Known, answers: Callable[[], bool], patience_s: float) -> None:
        """Returns when a process that was started answers; it must not end before."""
        deadline = time.monotonic() + patience_s
        while not answers():
            self.check(process)
            if time.monotonic() > deadline:
                log = self.log(process.name)
                raise ProcessError(
                    f"{process.name} does not answer; the end of {log}:\n{tail(log)}"
                )
            time.sleep(0.2)

    def stop(self, processes: list[Known], patience_s: float = 30) -> None:
        """Asks the processes to end, waits, and kills what has not ended by then."""
        self._signal(processes, signal.SIGTERM)
        if not self._wait(processes, patience_s):
            self.kill(processes)

    def kill(self, processes: list[Known]) -> None:
        """Kills the processes as a crash would, and waits until they are gone."""
        self._signal(processes, signal.SIGKILL)
        if not self._wait(processes, 30):
            left = [process for process in processes if process.alive()]
            raise ProcessError(f"still there after SIGKILL: {left}")

    def pause(self, process: Known) -> None:
        """Freezes a process: it is there, and answers nobody (SIGSTOP)."""
        self._signal([process], signal.SIGSTOP)

    def resume(self, process: Known) -> None:
        self._signal([process], signal.SIGCONT)

    def _signal(self, processes: list[Known], number: int) -> None:
        for process in processes:
            if process.alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)

    def _wait(self, processes: list[Known], patience_s: float) -> bool:
        deadline = time.monotonic() + patience_s
        while any(process.alive() for process in processes):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        self._children = [child for child in self._children if child.poll() is None]
        if processes:
            self._write([process for process in self.known() if process not in processes])
        return True

    def _write(self, processes: list[Known]) -> None:
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(processes))
        partial.replace(self._file)


def environment(**own: str) -> dict[str, str]:
    """This script's environment without settings meant for another Flink, Kafka or job."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, **own}


def free_port() -> int:
    """A port that nothing listens on, for a process that is yet to start.

    Not one that the system may give to an outgoing connection in the meantime (32768 and on),
    as it would be if it were asked for a free one.
    """
    while True:
        port = random.randrange(10_000, 32_768)
        if port not in _GIVEN_PORTS and not refusal(port):
            _GIVEN_PORTS.add(port)
            return port


def refusal(port: int) -> str | None:
    """Why a server could not listen on a port; None where it could."""
    with socket.socket() as listener:
        # As servers do: a port whose last connections are only timing out is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            return error.strerror
    return None


def tail(file: Path, lines: int = 20) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])


def _state(pid: int) -> tuple[int, bool]:
    """Start time of a process, and whether it runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0, False
    # The name, in parentheses, may hold anything; behind it stand state (field 3) ... start (22).
    fields = stat.rpartition(")")[2].split()
    return int(fields[19]), fields[0] not in "ZX"
