"""The history of a run: what happened when, a JSON object a line, to be read again afterwards."""

from __future__ import annotations

import json
import time
from pathlib import Path


class History:
    def __init__(self, file: Path):
        self._file = file

    def note(self, **what: object) -> None:
        """Appends an entry; `at_ms` is the wall clock."""
        with self._file.open("a") as lines:
            lines.write(json.dumps({"at_ms": round(time.time() * 1000), **what}) + "\n")

    def entries(self) -> list[dict]:
        try:
            return [json.loads(line) for line in self._file.read_text().splitlines()]
        except FileNotFoundError:
            return []
