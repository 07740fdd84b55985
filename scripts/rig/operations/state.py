"""The newest state of a job: its savepoint, or a checkpoint that Flink kept."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from rig import checks
from rig.operations.site import Site
from rig.operations.submissions import Submitted

CHECKPOINT = re.compile(r"(\S+/chk-(\d+))/_metadata$")


class State(NamedTuple):
    path: str
    kind: str


class StateError(Exception):
    """It cannot be told whether there is state; starting without it might lose it."""


def newest(site: Site, submitted: Submitted | None, job_name: str) -> State | None:
    """Where a job should go on; None where it never kept anything that can still be found.

    A job that was stopped goes on from its savepoint: nothing came after it. One that failed or
    was cancelled goes on from its last checkpoint, which the JobManager may have forgotten.
    """
    known = site.rest.named(job_name)
    last_id = known[0]["jid"] if known else submitted.job_id if submitted else None
    if last_id is None:
        return None
    if submitted and submitted.job_id == last_id and submitted.savepoint:
        return State(submitted.savepoint, "savepoint")
    if known:
        return _of_the_rest(site, last_id) or _of_the_folder(site, last_id)
    return _of_the_folder(site, last_id)


def _of_the_rest(site: Site, job_id: str) -> State | None:
    latest = site.rest.checkpoints(job_id)["latest"]
    found = [
        (entry["id"], State(entry["external_path"], kind))
        for kind, entry in (
            ("savepoint", latest["savepoint"]),
            ("checkpoint", latest["completed"]),
        )
        if entry and entry.get("external_path") and not entry.get("discarded")
    ]
    return max(found)[1] if found else None


def _of_the_folder(site: Site, job_id: str) -> State | None:
    """The last checkpoint under `state.checkpoints.dir` of a job the JobManager does not know."""
    if not site.checkpoints:
        return None
    top = f"{site.checkpoints.rstrip('/')}/{job_id}"
    found = [CHECKPOINT.search(line) for line in _list(site, top)]
    checkpoints = [(int(match[2]), match[1]) for match in found if match]
    return State(max(checkpoints)[1], "checkpoint") if checkpoints else None


def _list(site: Site, folder: str) -> list[str]:
    """The files under a checkpoint folder."""
    scheme, found, path = folder.partition("://")
    if not found or scheme == "file":
        local = Path(path if found else folder)
        return [f"file://{file}" for file in local.glob("chk-*/_metadata")]
    # Hadoop's own client, by the class path that Flink's client goes by.
    paths = [os.environ.get("HADOOP_CONF_DIR"), os.environ.get("HADOOP_CLASSPATH")]
    paths.append(f"{site.home / 'lib'}/*")
    done = subprocess.run(
        [checks.java(), "-cp", ":".join(filter(None, paths)), "org.apache.hadoop.fs.FsShell"]
        + ["-ls", "-C", f"{folder}/chk-*/_metadata"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0 and "No such file" not in done.stderr:
        raise StateError(
            f"whether there is a checkpoint in {folder} cannot be seen (is HADOOP_CLASSPATH set?):"
            f"\n{done.stderr}name the state with --from, or start without it with --fresh"
        )
    return done.stdout.splitlines()
