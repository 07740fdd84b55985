"""The demo's incidents, done to the tests' own broker and cluster: each ends with the ledger."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import pytest

from rig import incidents, job, layout, records
from rig.demo_setup import Demo


@pytest.fixture
def demo(bench):
    """What `scripts/demo up` leaves behind for the commands after it."""
    demo = Demo(bench.run, bench.broker.port, bench.cluster.rest_port)
    topics = dict.fromkeys((job.INPUT, job.OUTPUT), 4)
    records.create_topics(bench.broker.bootstrap_servers, topics)
    demo.take(layout.JAR)
    demo.submit()
    yield demo
    bench.cluster.rest.cancel(Demo.running(bench.run).job_id)


def test_each_incident_ends_with_the_ledger(bench, demo, note, tmp_path, monkeypatch, capfd):
    """Poison; then to another release, past a jar that is none, back, and to more subtasks."""
    monkeypatch.setattr(incidents, "CALM_S", 1)
    other = job.another_release(tmp_path)
    no_jar = tmp_path / "no.jar"
    no_jar.write_text("not a jar")

    def do(*words: object) -> str:
        """An incident, by its command; returns what it printed."""
        parser = argparse.ArgumentParser()
        incidents.add_commands(parser.add_subparsers())
        options = parser.parse_args(list(map(str, words)))
        assert incidents.do(Demo.running(bench.run), options) == 0
        told = capfd.readouterr().out
        assert "PASS" in told
        assert "Repeats by this incident: 0" in told
        return told

    assert "RUNNING, 0 restarts by them" in do("poison")
    assert runs(bench) == digest(layout.JAR)

    assert "next-release.jar runs from the savepoint" in do("upgrade", "--jar", other)
    assert runs(bench) == digest(other)
    told = do("upgrade", "--jar", no_jar)
    assert "no.jar does not come up" in told
    assert "next-release.jar runs from the savepoint" in told
    assert runs(bench) == digest(other)

    do("rescale", 3)
    assert runs(bench) == digest(other)
    last = Demo.running(bench.run)
    vertices = bench.cluster.rest.job(last.job_id)["vertices"]
    assert {task["parallelism"] for task in vertices} == {3}

    assert f"{layout.JAR.name} runs from the savepoint" in do("upgrade", "--jar", layout.JAR)
    assert runs(bench) == digest(layout.JAR)
    note(f"5 incidents, {len(records.read(last.broker.bootstrap_servers, job.INPUT)):,} records")


def runs(bench) -> str:
    """The digest of the jar that the demo's job runs, as the cluster's blob store has it."""
    job_id = Demo.running(bench.run).job_id
    blobs = (bench.run.folder / "flink" / "blobs").glob(f"*/job_{job_id}/blob_p-*")
    [found] = {blob.name.split("-")[1] for blob in blobs}
    return found


def digest(jar: Path) -> str:
    return hashlib.sha1(jar.read_bytes()).hexdigest()
