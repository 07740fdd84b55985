"""What Flink's command line says."""

from __future__ import annotations

import re
import subprocess


def submitted(run: subprocess.CompletedProcess) -> str | None:
    """The id of the job that a `flink run` has submitted; None where it has not."""
    found = re.search(r"JobID ([0-9a-f]{32})", run.stdout)
    return found.group(1) if run.returncode == 0 and found else None


def told(run: subprocess.CompletedProcess) -> str:
    """All that a `flink run` said, for an error."""
    return f"flink run ended with {run.returncode}:\n{run.stdout}{run.stderr}"
