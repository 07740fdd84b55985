"""Savepoints of every release, kept in the repository: this job goes on from each of them.

A release adds its own, for all later ones:

    WRITE_SAVEPOINTS=1.0.0 scripts/test-e2e scripts/e2e/test_golden_savepoints.py

Those of `1.0.0-state-by-key` are of a build before the release, which kept all state by the key.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import Bench, Pipeline

from rig import golden, records

TO_WRITE = os.environ.get("WRITE_SAVEPOINTS")
reads = pytest.mark.skipif(TO_WRITE is not None, reason="savepoints are written")
writes = pytest.mark.skipif(TO_WRITE is None, reason="WRITE_SAVEPOINTS names no release")


@contextlib.contextmanager
def pipeline(bench: Bench, kind: str) -> Iterator[Pipeline]:
    """The job on topics of the same names and records each time, not submitted yet."""
    count = golden.PARTITIONS
    made = Pipeline(bench, golden.topics(kind), count, count, 2, golden.KINDS[kind])
    made.send(golden.before())
    try:
        yield made
    finally:
        if made.job_id:
            made.cancel()
        for topic in (made.input, made.output, made.session_topic):
            records.delete_topic(made.servers, topic)


@reads
def test_each_kind_is_kept():
    assert {each.name for each in golden.saved()} == golden.KINDS.keys()


@pytest.mark.parametrize("place", golden.saved(), ids=lambda each: "-".join(each.parts[-2:]))
@reads
def test_restored(bench, note, place):
    """Sessions go on, what waited is labelled, and what was written before is not written again."""
    kind = place.name
    with pipeline(bench, kind) as going_on:
        records.send(going_on.servers, going_on.output, golden.written(place))
        going_on.submit(from_savepoint=place.as_uri())
        going_on.send(golden.after())
        if golden.WAITING[kind]:
            # Waits itself, and stays there.
            going_on.send_unaccounted(golden.driver())
        account = going_on.account()
        going_on.assert_never_failed()
    assert account.differences() == {}
    assert account.repeats == 0
    # The sessions of before went on; new ones would start later.
    starts = {json.loads(copy.value)["session_start_ts"] for [copy] in account.out.values()}
    assert starts == {golden.START_MS}
    note(f"{len(golden.written(place))} outputs before the savepoint, {len(account.out)} in all")


@pytest.mark.parametrize("kind", golden.KINDS)
@writes
def test_written(bench, note, kind):
    """Writes the savepoint of a release."""
    with pipeline(bench, kind) as first:
        first.submit()
        of_all, waiting = first.sent, golden.WAITING[kind] * golden.USERS
        first.sent = of_all[: len(of_all) - waiting]
        account = first.account()
        assert account.differences() == {}
        savepoint = Path(bench.cluster.stop_with_savepoint(first.job_id).replace("file:", ""))
        place = golden.KEPT / TO_WRITE / kind
        shutil.copytree(savepoint, place)
        for file in place.iterdir():
            file.write_bytes(golden.without_path(file.read_bytes(), bench.run.folder))
        golden.keep_written(place, records.read(first.servers, first.output))
    size = sum(each.stat().st_size for each in place.iterdir())
    note(f"{place}: {len(list(place.iterdir()))} files, {size:,} bytes")
