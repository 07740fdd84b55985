"""Folders that are made once, whole or not at all, and kept for the next time."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from rig.layout import cache_folder


def provide(name: str, make: Callable[[Path], None]) -> Path:
    """Returns the cache's folder `name`; where it is missing, `make(folder)` fills it.

    The name has to change with the content, as nothing is ever replaced. Only a folder that was
    made to the end gets its name, and a lock lets two runs at once share one fetch.
    """
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        partial = Path(f"{folder}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            make(partial)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def fingerprint(*parts: object) -> str:
    """A short name for a content: of files their bytes, of anything else its text."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:12]
