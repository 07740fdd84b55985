"""The job, Kafka to Kafka with its state in memory, and session-replay over the same log.

What comes out must be equal."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition
from rich.console import Console

from rig import job, layout, parts, records, replay
from rig.benchmarks import results
from rig.benchmarks.process import Cpu, peak_mb
from rig.benchmarks.stand import ANY_PARTITION, send, stand, wait_until_out
from rig.job import DEAD_LETTERS, INPUT, OUTPUT

LEVEL = "replay"
RUN = "bench-replay"
BATCH = 20_000
KEY = re.compile(rb'"uid":"([^"]*)"')


class Log(NamedTuple):
    """A log of `make_log`."""

    records: int = 20_000_000
    users: int = 5_000_000
    active: int = 200_000

    def make(self) -> Path:
        """The file, made where it is not there yet."""
        file = layout.RUNS / f"log-{self.records}-{self.users}-{self.active}.jsonl"
        if not file.exists():
            partial = file.with_suffix(".partial")
            words = [f"--{name}={value}" for name, value in self._asdict().items()]
            with partial.open("wb") as out:
                subprocess.run([_make_log(), *words], stdout=out, check=True)
            partial.rename(file)
        return file


class Taken(NamedTuple):
    """What a program took."""

    wall_s: float
    cpu_s: float
    peak_mb: int


def measure(console: Console, *, log: Log, parallelism: int, memory: str) -> bool:
    """Runs both once and compares what came out; returns whether it is equal."""
    if job.stale():
        job.build(layout.RUNS / "bench-build.log")
    replay.build()
    lines = log.make()
    console.print(f"{lines.name}: {lines.stat().st_size / 1e6:,.0f} MB")
    folder = layout.RUNS / f"{RUN}-outputs"
    folder.mkdir(exist_ok=True)
    jobs, replayed = folder / "job.jsonl", folder / "replay.jsonl"
    by_job = _run_job(console, lines, jobs, log.records, parallelism)
    by_replay = _run_replay(lines, replayed, memory)
    for name, taken in (("job", by_job), ("session-replay", by_replay)):
        console.print(
            f"{name:15} {log.records / taken.wall_s:10,.0f} records/s"
            f"  {taken.cpu_s / log.records * 1e6:6.2f} us of CPU a record  {taken.peak_mb} MB"
        )
    console.print(f"session-replay is {by_job.wall_s / by_replay.wall_s:.1f} times as fast")
    equal = subprocess.run([replay.program(), "diff", jobs, replayed]).returncode == 0
    results.append(
        LEVEL,
        {
            **log._asdict(),
            "parallelism": parallelism,
            "job": by_job._asdict(),
            "replay": by_replay._asdict(),
            "equal": equal,
        },
    )
    return equal


def _make_log() -> Path:
    parts.run(
        ["cargo", *replay.cargo("build", "--quiet", "--examples")],
        env=replay.environment(),
        cwd=layout.PROJECT,
    )
    return replay.program().parent / "examples" / "make_log"


def _run_job(console: Console, lines: Path, output: Path, expected: int, parallelism: int) -> Taken:
    cluster_of = {
        "slots": parallelism,
        "task_manager_memory": "7g",
        "checkpoint_interval": "30s",
        "settings": {"state.backend.type": "hashmap"},
    }
    with stand(RUN, **cluster_of) as (_, broker, cluster):
        servers = broker.bootstrap_servers
        records.create_topics(servers, {INPUT: parallelism, OUTPUT: parallelism})
        sent = send(servers, _records(lines))
        console.print(f"{sent:,} records are on {INPUT}")
        cluster.launch()
        cluster.wait()
        (task_manager,) = cluster.task_managers()
        before = Cpu.of(task_manager.pid).all_s
        job_id = cluster.submit("--bootstrap-servers", servers, parallelism=parallelism)
        cluster.rest.wait_for_state(job_id, "RUNNING")
        began = time.monotonic()
        wait_until_out(servers, [OUTPUT, DEAD_LETTERS], expected, cluster, job_id)
        taken = Taken(
            time.monotonic() - began,
            Cpu.of(task_manager.pid).all_s - before,
            peak_mb(task_manager.pid),
        )
        cluster.rest.cancel(job_id)
        _write_values(servers, output)
        return taken


def _records(lines: Path) -> Iterator[tuple[bytes, bytes | None, int]]:
    """Each line, keyed by its user where it has one."""
    with lines.open("rb") as file:
        for line in file:
            value = line.rstrip(b"\n")
            key = KEY.search(value)
            yield value, key.group(1) if key else None, ANY_PARTITION


def _write_values(servers: str, output: Path) -> None:
    """The values of log-after, a line each; each session's in their order."""
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": "bench", "enable.auto.commit": False}
    )
    try:
        with output.open("wb") as out:
            for partition, (begin, end) in records.sizes(servers, OUTPUT).items():
                consumer.assign([TopicPartition(OUTPUT, partition, begin)])
                while begin < end:
                    for message in consumer.consume(BATCH, timeout=1):
                        if message.error() is None:
                            out.write(message.value() + b"\n")
                            begin = message.offset() + 1
    finally:
        consumer.close()


def _run_replay(lines: Path, output: Path, memory: str) -> Taken:
    began = time.monotonic()
    words = ["run", lines, "--output", output, "--overwrite", "--memory", memory]
    child = subprocess.Popen([replay.program(), *words])
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        raise RuntimeError("session-replay failed")
    return Taken(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)
