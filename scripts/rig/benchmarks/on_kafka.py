"""Kafka to Kafka: each peer on a real cluster with a real broker, in a fresh TaskManager a run."""

from __future__ import annotations

import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from rig import layout, records
from rig.benchmarks import pipeline, results
from rig.benchmarks.pipeline import Load
from rig.benchmarks.process import Cpu, peak_mb
from rig.benchmarks.stand import fresh_task_manager, send, stand, wait_until_out
from rig.flink.cluster import Cluster
from rig.job import INPUT

LEVEL = "kafka"
RUN = "bench-kafka"
PEERS = ("plain", "job", "twin", "identity")
MAIN = "com.main.benchmarks.OnKafka"
# The clients of Kafka take long enough for the rest to be compiled.
LOAD = Load(records=10_000_000)
# As Pipeline.java: most of the code is compiled by then, and the end has not begun.
FROM, TO = 0.35, 0.98
STATE_BACKENDS = {
    "heap": {"state.backend.type": "hashmap"},
    "rocksdb": {"state.backend.type": "rocksdb"},
    "rocksdb-heap-timers": {
        "state.backend.type": "rocksdb",
        "state.backend.rocksdb.timer-service.factory": "HEAP",
    },
}


class Taken(NamedTuple):
    """How far a run has come, and what it has taken."""

    out: int
    cpu: Cpu
    wall_s: float


def measure(
    console: Console,
    *,
    rounds: int,
    backends: list[str],
    peers: list[str],
    parallelism: int,
    load: Load,
) -> None:
    """Runs every peer once a round over one topic."""
    folder = pipeline.make_load(load, parallelism)
    # A TaskManager as the operators' page has it.
    cluster_of = {
        "slots": parallelism,
        "task_manager_memory": "1728m",
        "checkpoint_interval": "10s",
        "settings": {"env.java.opts.taskmanager": "-XX:-UseDynamicNumberOfCompilerThreads"},
    }
    with stand(RUN, **cluster_of) as (run, broker, cluster):
        jar = _jar(run.folder / "peers.jar")
        servers = broker.bootstrap_servers
        records.create_topics(servers, {INPUT: parallelism})
        send(servers, _load(folder, parallelism))
        cluster.launch()
        cluster.wait()
        for number, backend, peer in results.turns(LEVEL, rounds, backends, peers):
            figures = _run(servers, cluster, jar, backend, peer, parallelism, load)
            results.append(
                LEVEL,
                {
                    "round": number,
                    "backend": backend,
                    "peer": peer,
                    "parallelism": parallelism,
                    **load.figures(),
                    **figures,
                },
            )
            console.print(
                f"round {number}  {backend:20} {peer:10} {figures['cpu_us_per_event']:7.2f}"
                f" us/event ({figures['steady_us_per_event']:.2f} without compiling)"
            )


def _jar(file: Path) -> Path:
    """The job's jar with the peers in it, and with what they parse by."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as jar:
        there = set()
        parsers = [
            Path(each) for each in pipeline.CLASS_PATH.read_text().split(":") if "jackson" in each
        ]
        for source in [layout.JAR, *parsers]:
            with zipfile.ZipFile(source) as part:
                for name in part.namelist():
                    if name not in there:
                        there.add(name)
                        jar.writestr(name, part.read(name))
        for compiled in pipeline.CLASSES.rglob("*.class"):
            jar.write(compiled, compiled.relative_to(pipeline.CLASSES))
    return file


def _load(folder: Path, partitions: int) -> Iterator[tuple[bytes, bytes, int]]:
    """The records of each partition in turn, so that event time goes on alike in all."""
    parts = {part: _part(folder / f"part-{part}") for part in range(partitions)}
    while parts:
        for part in list(parts):
            record = next(parts[part], None)
            if record is None:
                del parts[part]
            else:
                key, value = record
                yield value, key, part


def _part(file: Path) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each record, as Load.java writes them."""
    with file.open("rb") as bytes_:

        def next_() -> bytes:
            length = bytes_.read(4)
            return bytes_.read(*struct.unpack(">i", length)) if length else b""

        while key := next_():
            yield key, next_()


def _run(
    servers: str,
    cluster: Cluster,
    jar: Path,
    backend: str,
    peer: str,
    parallelism: int,
    load: Load,
) -> dict:
    task_manager = fresh_task_manager(cluster)
    output = f"out-{time.monotonic_ns()}"
    records.create_topics(servers, {output: parallelism})
    words = ["--bootstrap-servers", servers, "--output-topic", output, "--group-id", output]
    settings = STATE_BACKENDS[backend]
    if peer == "job":
        job_id = cluster.submit(*words, parallelism=parallelism, settings=settings)
    else:
        job_id = cluster.submit(
            *(peer, str(pipeline.DEFAULT_CACHE), *words),
            parallelism=parallelism,
            settings=settings,
            jar=jar,
            main=MAIN,
        )
    try:

        def when_out(wanted: float) -> Taken:
            out = wait_until_out(servers, [output], wanted, cluster, job_id)
            return Taken(out, Cpu.of(task_manager.pid), time.monotonic())

        start = when_out(load.records * FROM)
        end = when_out(load.records * TO)
        peak = peak_mb(task_manager.pid)
    finally:
        cluster.rest.cancel(job_id)
        records.delete_topic(servers, output)
    events = end.out - start.out
    cpu_s = end.cpu.all_s - start.cpu.all_s
    compilers_s = end.cpu.compilers_s - start.cpu.compilers_s
    return {
        "cpu_us_per_event": cpu_s / events * 1e6,
        "steady_us_per_event": (cpu_s - compilers_s) / events * 1e6,
        "wall_us_per_event": (end.wall_s - start.wall_s) / events * 1e6,
        "rss_kb": peak * 1024,
        "window_events": events,
    }
