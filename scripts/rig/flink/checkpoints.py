"""Checkpoints of a job, as they stand on the disk."""

from __future__ import annotations

from pathlib import Path


def completed(of_job: Path) -> list[Path]:
    """The folders of those that are whole, the oldest first."""
    whole = [file.parent for file in of_job.glob("chk-*/_metadata")]
    return sorted(whole, key=lambda folder: int(folder.name.partition("-")[2]))
