"""`--check`: each thing wrong with brokers, topics and cluster is told, with what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig import layout, load, records

# What a sound cluster sets; the one here keeps a single checkpoint.
SOUND = {"state.checkpoints.num-retained": "3"}


class Checks:
    """An input of three partitions, of which nothing has been read, and an output."""

    def __init__(self, bench, name: str):
        self.cluster = bench.cluster
        self.servers = bench.broker.bootstrap_servers
        self.input, self.output = f"{name}-before", f"{name}-after"
        records.create_topics(self.servers, {self.input: 3, self.output: 3})

    def check(
        self,
        *options: str,
        settings: dict[str, str] | None = None,
        parallelism: int = 1,
        lib: Path | None = None,
    ) -> subprocess.CompletedProcess:
        flags = [f"-D{name}={value}" for name, value in {**SOUND, **(settings or {})}.items()]
        own = {
            "--bootstrap-servers": self.servers,
            "--input-topic": self.input,
            "--output-topic": self.output,
            "--group-id": self.input,
        }
        arguments = [word for name in own if name not in options for word in (name, own[name])]
        done = self.cluster.flink(
            *("run", "--parallelism", str(parallelism), *flags, "--class", layout.JOB_CLASS),
            *(str(layout.JAR), *arguments, *options, "--check"),
            lib=lib,
        )
        for output in (done.stdout, done.stderr):
            assert "\tat " not in output
        return done

    def passes(self, *options: str, **how: object) -> list[str]:
        """The warnings of a check that finds nothing to refuse."""
        done = self.check(*options, **how)
        assert done.returncode == 0, done.stdout + done.stderr
        warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
        told = [line for line in done.stderr.splitlines() if "would be made" in line]
        expected = f"The job can be submitted. Warnings: {len(warnings) + len(told)}\n"
        assert done.stdout.endswith(expected), done.stdout + done.stderr
        return warnings

    def refuses(self, *options: str, **how: object) -> list[str]:
        """What a check refuses the job for."""
        done = self.check(*options, **how)
        assert done.returncode == 2, done.stdout + done.stderr
        _, _, problems = done.stderr.partition("The job was not submitted:\n")
        return [line.strip() for line in problems.splitlines()]


@pytest.fixture
def checks(bench, request) -> Checks:
    return Checks(bench, request.node.name.replace("_", "-")[:60])


@pytest.fixture(autouse=True)
def nothing_submitted(bench) -> Iterator[None]:
    before = bench.cluster.rest.jobs().keys()
    yield
    assert bench.cluster.rest.jobs().keys() == before


def test_a_sound_cluster(checks, note):
    """No finding with either guarantee, and nothing is made."""
    for delivery in ("at-least-once", "exactly-once"):
        assert checks.passes("--delivery", delivery) == []
    with pytest.raises(Exception, match="[Uu]nknown"):
        records.read(checks.servers, f"{checks.input}.dlq")
    note("2 checks without a warning, no topic made")


def test_settings_that_lose_data(checks, note):
    """Snapshot compression and the adaptive scheduler are refused, together."""
    found = checks.refuses(
        settings={
            "execution.checkpointing.snapshot-compression": "true",
            "jobmanager.scheduler": "adaptive",
        }
    )
    assert len(found) == 2, found
    assert found[0].startswith("execution.checkpointing.snapshot-compression=true loses state")
    assert found[1].startswith("jobmanager.scheduler=adaptive loses events")
    note("2 settings refused")


def test_topics_and_limits(checks, note):
    """Missing topics, a transaction timeout the broker does not take, too many subtasks."""
    found = checks.refuses("--output-topic", "nowhere", "--session-topic", "nowhere-too")
    assert [line.partition(";")[0] for line in found] == [
        "the output-topic 'nowhere' does not exist",
        "the session-topic 'nowhere-too' does not exist",
    ]
    for line in found:
        assert f"kafka-topics.sh --bootstrap-server {checks.servers} --create --topic" in line
        assert line.endswith("--partitions 3")
    [found] = checks.refuses("--input-topic", "nowhere")
    assert found.startswith("the input-topic 'nowhere' does not exist; make it:")
    found = checks.refuses(
        *("--delivery", "exactly-once", "--transaction-timeout", "20m", "--idle-timeout", "0"),
        parallelism=4,
    )
    assert len(found) == 2, found
    assert found[0].startswith("--idle-timeout 0 with parallelism 4 and 3 partitions")
    assert found[1] == (
        "--transaction-timeout 1200s: above the brokers' transaction.max.timeout.ms=900000;"
        " lower the one or raise the other"
    )
    note("5 findings in 3 checks")


def test_no_broker(checks, note):
    [found] = checks.refuses("--bootstrap-servers", "localhost:1")
    assert found.startswith("no broker answers at localhost:1 (")
    assert found.endswith("see --bootstrap-servers and kafka.* properties")
    note("1 finding")


def test_checkpoints(checks, note, tmp_path):
    """A folder that cannot be written here, one checkpoint kept, no room for an outage."""
    in_its_place = tmp_path / "checkpoints"
    in_its_place.touch()
    found = checks.passes(
        *("--delivery", "exactly-once", "--transaction-timeout", "10m"),
        settings={
            "state.checkpoints.dir": in_its_place.as_uri(),
            "state.checkpoints.num-retained": "1",
        },
    )
    assert len(found) == 3, found
    assert found[0].startswith("warning: the checkpoint folder file:")
    assert "is not writable here" in found[0]
    assert found[1].startswith("warning: state.checkpoints.num-retained is 1")
    assert found[2].startswith("warning: --transaction-timeout 600s leaves no time for an outage")
    note("3 warnings")


def test_a_client_in_lib(checks, note, tmp_path):
    """The job's jar in lib/, as some do it, brings Kafka's client there."""
    for jar in (*checks.cluster.lib.iterdir(), layout.JAR):
        (tmp_path / jar.name).symlink_to(jar)
    found = checks.refuses(lib=tmp_path)
    assert any(line.startswith("kafka-clients lies in Flink's lib/") for line in found), found
    note(f"{len(found)} findings")


def test_retention(checks, note):
    """What the group has not read and retention has deleted is counted."""
    sent = records.send(
        checks.servers, checks.input, [each.record for each in load.generated(1_000, seed=3)]
    )
    ends = {each.origin.partition: each.origin.offset + 1 for each in sent}
    records.commit(checks.servers, checks.input, checks.input, dict.fromkeys(ends, 10))
    records.delete_before(checks.servers, checks.input, ends)
    lost = sum(ends.values()) - 10 * len(ends)
    [found] = checks.passes()
    assert found.startswith(f"warning: retention has deleted {lost:,} records of {checks.input}")
    note(f"{lost} records told")
