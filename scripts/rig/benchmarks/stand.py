"""What the levels on Kafka stand on: broker and cluster of their own, and records sent there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from confluent_kafka import Producer

from rig import records
from rig.broker import Broker
from rig.flink.cluster import Cluster
from rig.job import INPUT
from rig.processes import Known
from rig.run import Run

ANY_PARTITION = -1
# So long nothing may come out.
PATIENCE_S = 120


class Stand(NamedTuple):
    run: Run
    broker: Broker
    cluster: Cluster


@contextlib.contextmanager
def stand(name: str, **cluster: object) -> Iterator[Stand]:
    """A broker that answers, and a cluster yet to be launched; both go with the block."""
    run = Run(name)
    with run.alone():
        run.create()
        try:
            broker = Broker(run.folder, run.processes)
            broker.launch()
            broker.wait()
            yield Stand(run, broker, Cluster(run.folder, run.processes, **cluster))
        finally:
            run.remove()


def fresh_task_manager(cluster: Cluster) -> Known:
    """Another TaskManager in place of the one that runs: nothing is compiled in it yet."""
    cluster.kill_task_manager()
    cluster.start_task_manager()
    cluster.wait()
    (task_manager,) = cluster.task_managers()
    return task_manager


def send(servers: str, to_send: Iterable[tuple[bytes, bytes | None, int]]) -> int:
    """Sends values with their keys and partitions; returns how many lie on the input topic now."""
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "linger.ms": 50,
            "log_level": 3,
            "batch.size": 1 << 20,
            "compression.type": "lz4",
            "enable.idempotence": True,
            "queue.buffering.max.messages": 500_000,
        }
    )
    sent = 0
    for value, key, partition in to_send:
        while True:
            try:
                producer.produce(INPUT, value, key, partition)
                break
            except BufferError:
                producer.poll(0.1)
        sent += 1
        if sent % 10_000 == 0:
            producer.poll(0)
    producer.flush()
    there = records.written(servers, INPUT)
    if there != sent:
        raise RuntimeError(f"{sent} records were sent, {there} are there")
    return sent


def wait_until_out(
    servers: str, topics: Iterable[str], wanted: float, cluster: Cluster, job_id: str
) -> int:
    """Returns when so many records of a job, or more, lie on its topics: how many do."""
    out, since = -1, time.monotonic()
    while (now := records.written(servers, *topics)) < wanted:
        if now > out:
            out, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE_S:
            state = cluster.rest.job(job_id)["state"]
            raise RuntimeError(f"{out:,} of {wanted:,.0f} came out; the job is {state}")
        time.sleep(0.2)
    return now
