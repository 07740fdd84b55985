"""From log-before to log-after at a fixed rate: how long a record is on its way."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import re
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from rich.console import Console

from rig import records
from rig.benchmarks import results
from rig.benchmarks.process import Cpu
from rig.benchmarks.stand import fresh_task_manager, stand
from rig.flink.cluster import Cluster
from rig.job import INPUT, OUTPUT

LEVEL = "latency"
RUN = "bench-latency"
# The highest load is what comes out with so many records always on their way.
BATCH = 25_000
BATCHES_AHEAD = 4
# At the highest load, before it is measured: the compilers of broker and job take a share of the
# machine for half a minute, and at a low rate alone for minutes.
COMPILE_S = 40
HIGHEST_S = 20
# At the rate, before times are taken.
WARM_UP_S = 20
CAUGHT_UP_MS = 1000
PATIENCE_S = 180
USERS = 20_000
TICK_S = 0.002
SENT = re.compile(rb'"sent_us":(\d+)')
BUFFER_TIMEOUT = "execution.buffer-timeout.interval"


class Setting(NamedTuple):
    """What is tried: how long Flink's buffers and the producer's batches wait to be filled.

    Nothing is set where it is None: what the job does by itself.
    """

    buffer_timeout_ms: int | None = None
    linger_ms: int | None = None

    @classmethod
    def parse(cls, text: str) -> Setting:
        """`own`, or two numbers of milliseconds: `BUFFER-TIMEOUT/LINGER`."""
        return cls() if text == "own" else cls(*map(int, text.split("/")))

    def __str__(self) -> str:
        if self == Setting():
            return "own"
        return f"{self.buffer_timeout_ms}/{self.linger_ms}"


def measure(
    console: Console,
    *,
    rounds: int,
    settings: list[Setting],
    options: list[str],
    rate: int | None,
    checkpoint_interval: str | None,
    seconds: int,
    parallelism: int,
) -> None:
    """Tries the settings by turns, on a fresh TaskManager each.

    Args:
        rate: records a second; half of the highest load, found before each run, without one.
        checkpoint_interval: the job's own without one.
    """
    cluster_of = {
        "slots": parallelism,
        "task_manager_memory": "1728m",
        "checkpoint_interval": checkpoint_interval,
    }
    with stand(RUN, **cluster_of) as (_, broker, cluster):
        cluster.launch()
        cluster.wait()
        for _, setting in itertools.product(range(rounds), settings):
            figures = _run(
                broker.bootstrap_servers, cluster, setting, options, rate, seconds, parallelism
            )
            tried = {
                "setting": str(setting),
                "options": options,
                "checkpoint_interval": checkpoint_interval or "own",
                "parallelism": parallelism,
            }
            results.append(LEVEL, {**tried, **figures})
            console.print(
                f"{setting!s:8} {figures['rate']:,.0f} of {figures['highest_rate']:,.0f} records/s:"
                f" p50 {figures['p50_ms']:.1f}, p99 {figures['p99_ms']:.1f},"
                f" p99.9 {figures['p999_ms']:.1f} ms, {figures['checkpoints']} checkpoints;"
                f" {figures['cpu_us_per_event']:.1f} us of CPU a record"
            )


def _run(
    servers: str,
    cluster: Cluster,
    setting: Setting,
    options: list[str],
    rate: int | None,
    seconds: int,
    parallelism: int,
) -> dict:
    task_manager = fresh_task_manager(cluster)
    for topic in (INPUT, OUTPUT):
        records.create_topics(servers, {topic: parallelism})
    words = ["--bootstrap-servers", servers, "--group-id", f"latency-{time.monotonic_ns()}"]
    words += options
    if setting.linger_ms is not None:
        words.append(f"--sink.linger.ms={setting.linger_ms}")
    flink = {}
    if setting.buffer_timeout_ms is not None:
        flink[BUFFER_TIMEOUT] = f"{setting.buffer_timeout_ms}ms"
    job_id = cluster.submit(*words, parallelism=parallelism, settings=flink)
    try:
        cluster.rest.wait_for_state(job_id, "RUNNING")
        with _generator(servers) as generator, _reader(servers, parallelism) as reader:
            _load(generator, reader, COMPILE_S)
            highest_rate = _load(generator, reader, HIGHEST_S)
            generator.send(Rate(rate or highest_rate / 2))
            _catch_up(reader)
            _take_times(reader, WARM_UP_S)
            before = _completed(cluster, job_id)
            figures = _figures(reader, seconds, task_manager.pid)
            checkpoints = _completed(cluster, job_id) - before
        return {**figures, "highest_rate": highest_rate, "checkpoints": checkpoints}
    finally:
        cluster.rest.cancel(job_id)
        for topic in (INPUT, OUTPUT):
            records.delete_topic(servers, topic)


class Batch(NamedTuple):
    """As many records as fast as they go."""

    records: int


class Rate(NamedTuple):
    """Records at a rate, without end."""

    per_second: float


@contextlib.contextmanager
def _generator(servers: str) -> Iterator[Connection]:
    """A process of its own that sends what it is told, one `Batch` or `Rate` after the other."""
    orders, told = multiprocessing.Pipe(duplex=False)
    # Not a fork: this process has clients of Kafka, whose threads and locks a fork would tear.
    process = multiprocessing.get_context("spawn").Process(
        target=_generate, args=(servers, orders), daemon=True
    )
    process.start()
    try:
        yield told
    finally:
        process.terminate()
        process.join()


def _generate(servers: str, orders: Connection) -> None:
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 1, "compression.type": "lz4"})
    users = itertools.cycle(range(USERS))
    while True:
        order = orders.recv()
        if isinstance(order, Batch):
            for _ in range(order.records):
                _send(producer, next(users))
            producer.poll(0)
            continue
        began, sent = time.monotonic(), 0
        while not orders.poll():
            due = (time.monotonic() - began) * order.per_second
            while sent < due:
                _send(producer, next(users))
                sent += 1
            producer.poll(0)
            time.sleep(TICK_S)


def _send(producer: Producer, user: int) -> None:
    """Sends a record that says when it was made."""
    now_us = time.time_ns() // 1000
    value = (
        f'{{"uid":"user-{user}","access_type":"mobile","log_name":"CLICK","in_time":"405"'
        f',"out_time":"","ip":"192.168.75.139","ts":{now_us // 1000},"sent_us":{now_us}}}'
    )
    while True:
        try:
            producer.produce(INPUT, value, f"user-{user}")
            return
        except BufferError:
            # As long as the job starts, the broker gets little of the machine.
            producer.poll(0.1)


@contextlib.contextmanager
def _reader(servers: str, partitions: int) -> Iterator[Consumer]:
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "latency",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
        }
    )
    try:
        consumer.assign(
            [TopicPartition(OUTPUT, part, OFFSET_BEGINNING) for part in range(partitions)]
        )
        yield consumer
    finally:
        consumer.close()


def _completed(cluster: Cluster, job_id: str) -> int:
    return cluster.rest.checkpoints(job_id)["counts"]["completed"]


def _figures(reader: Consumer, seconds: int, pid: int) -> dict:
    """The times of every record that comes out, and the CPU that they took."""
    before, began = Cpu.of(pid), time.monotonic()
    times_ms = sorted(_take_times(reader, seconds))
    took_s = time.monotonic() - began
    cpu_s = Cpu.of(pid).all_s - before.all_s
    if not times_ms:
        raise RuntimeError("no record came out")

    def at(share: float) -> float:
        return times_ms[min(len(times_ms) - 1, int(share * len(times_ms)))]

    return {
        "rate": len(times_ms) / took_s,
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "p999_ms": at(0.999),
        "most_ms": times_ms[-1],
        "cpu_us_per_event": cpu_s / len(times_ms) * 1e6,
        "records": len(times_ms),
    }


def _load(generator: Connection, reader: Consumer, seconds: float) -> float:
    """The highest load: how many records a second come out as long as enough are on their way."""
    began = time.monotonic()
    sent = out = 0
    while (elapsed := time.monotonic() - began) < seconds:
        while sent - out < BATCHES_AHEAD * BATCH:
            generator.send(Batch(BATCH))
            sent += BATCH
        out += len(_take_times(reader, 0.05))
    rate = out / elapsed
    # The next to measure is not to count them.
    deadline = time.monotonic() + PATIENCE_S
    while out < sent:
        out += len(_take_times(reader, 0.05))
        if time.monotonic() > deadline:
            raise RuntimeError(f"{out} of {sent} records came out")
    return rate


def _catch_up(reader: Consumer) -> None:
    """Until all of a second's records are fresh."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        times_ms = _take_times(reader, 1)
        if times_ms and max(times_ms) <= CAUGHT_UP_MS:
            return
        if time.monotonic() > deadline:
            raise RuntimeError("the job does not keep up with this rate on this machine")


def _take_times(consumer: Consumer, seconds: float) -> list[float]:
    """How long each record that comes out in this time was on its way, in milliseconds."""
    times_ms = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for message in consumer.consume(1000, timeout=0.002):
            if message.error() is None:
                sent_us = int(SENT.search(message.value()).group(1))
                times_ms.append((time.time_ns() // 1000 - sent_us) / 1000)
    return times_ms
