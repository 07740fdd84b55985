"""Progress: what is being done, what it is at, how long it took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Steps:
    """A line for each step: live on a terminal, elsewhere printed when the step is done."""

    def __init__(self, console: Console):
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<28}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextlib.contextmanager
    def step(self, description: str) -> Iterator[Callable[[str], None]]:
        """Gives a function that says what the step is at."""
        task = self._progress.add_task(description, total=1, note="")
        notes = [""]
        began = time.monotonic()

        def say(note: str) -> None:
            notes.append(note)
            self._progress.update(task, note=note)

        yield say
        self._progress.update(task, completed=1)
        if not self._console.is_terminal:
            took = time.monotonic() - began
            line = f"✓ {description:<28} {took:5.1f} s  {notes[-1]}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
