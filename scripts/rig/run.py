"""A run folder: everything a run of broker and cluster writes, and the processes it started."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from rig import layout
from rig.processes import Processes


class BusyError(Exception):
    """Another script is at work on the run folder."""


class Run:
    def __init__(self, name: str):
        self.name = name
        self.folder: Path = layout.RUNS / name
        self.processes = Processes(self.folder)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps a second script of the same run out for the time of the block."""
        layout.RUNS.mkdir(exist_ok=True)
        with (layout.RUNS / f"{self.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(f"another script is at work on {self.folder}") from None
            yield

    def create(self) -> None:
        """Makes the folder anew; what an earlier run left there goes."""
        self.remove()
        (self.folder / "logs").mkdir(parents=True)

    def stop(self) -> None:
        """Stops all processes of the run; cannot be interrupted half-way."""
        with _uninterrupted():
            self.processes.stop(self.processes.alive())

    def remove(self) -> None:
        """Stops all processes of the run and deletes its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def end_as_by_ctrl_c() -> None:
    """From now on SIGTERM and SIGHUP raise KeyboardInterrupt too: what was started is put away."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before):
            signal.signal(number, handler)
