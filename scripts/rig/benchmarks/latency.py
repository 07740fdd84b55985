"""From log-before to log-after at a fixed rate: how long a record is on its way.

From the moment it is made until the broker has it on log-after, by the broker's own time: it is
read from there once the job is done with, so that no reader takes a share of the machine. Where the
generator itself is held up its records are made late, and so that is not counted.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import re
import time
from array import array
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from typing import NamedTuple

from confluent_kafka import Producer
from rich.console import Console

from rig import records
from rig.benchmarks import results
from rig.benchmarks.process import Cpu, machine_busy_s
from rig.benchmarks.stand import fresh_task_manager, stand
from rig.flink.cluster import Cluster
from rig.job import INPUT, OUTPUT

LEVEL = "latency"
RUN = "bench-latency"
# What 99 of 100 records may take at half of the highest load.
MOST_P99_MS = 25
# The highest load is what comes out with so many records always on their way.
BATCH = 50_000
BATCHES_AHEAD = 3
POLL_S = 0.2
# At the highest load, before it is measured: the compilers of broker and job take a share of the
# machine for half a minute, and at a low rate alone for minutes.
COMPILE_S = 40
HIGHEST_S = 20
# At the rate, before times are taken.
WARM_UP_S = 60
PATIENCE_S = 180
BY_BROKERS_TIME = {"message.timestamp.type": "LogAppendTime"}
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


class Conditions(NamedTuple):
    """What all that is tried has alike."""

    # Of the job.
    options: list[str]
    # Records a second; half of the highest load, found before each run, without one.
    rate: int | None
    # The job's own without one.
    checkpoint_interval: str | None
    seconds: int
    parallelism: int


def measure(
    console: Console, *, rounds: int, settings: list[Setting], conditions: Conditions
) -> None:
    """Tries the settings by turns, on a fresh TaskManager each."""
    cluster_of = {
        "slots": conditions.parallelism,
        "task_manager_memory": "1728m",
        "checkpoint_interval": conditions.checkpoint_interval,
    }
    with stand(RUN, **cluster_of) as (_, broker, cluster):
        cluster.launch()
        cluster.wait()
        for _, setting in itertools.product(range(rounds), settings):
            figures = _run(broker.bootstrap_servers, cluster, setting, conditions)
            tried = {
                "setting": str(setting),
                "options": conditions.options,
                "checkpoint_interval": conditions.checkpoint_interval or "own",
                "given_rate": conditions.rate,
                "parallelism": conditions.parallelism,
            }
            results.append(LEVEL, {**tried, **figures})
            console.print(
                f"{setting!s:8} {figures['rate']:,.0f} of {figures['highest_rate']:,.0f} records/s:"
                f" p50 {figures['p50_ms']:.1f}, p99 {figures['p99_ms']:.1f},"
                f" p99.9 {figures['p999_ms']:.1f} ms, {figures['checkpoints']} checkpoints;"
                f" the machine was {figures['machine_busy']:.0%} busy,"
                f" {figures['cpu_us_per_event']:.1f} us of CPU a record"
            )


def _run(servers: str, cluster: Cluster, setting: Setting, conditions: Conditions) -> dict:
    parallelism = conditions.parallelism
    task_manager = fresh_task_manager(cluster)
    records.create_topics(servers, {INPUT: parallelism})
    records.create_topics(servers, {OUTPUT: parallelism}, BY_BROKERS_TIME)
    words = ["--bootstrap-servers", servers, "--group-id", f"latency-{time.monotonic_ns()}"]
    words += conditions.options
    if setting.linger_ms is not None:
        words.append(f"--sink.linger.ms={setting.linger_ms}")
    flink = {}
    if setting.buffer_timeout_ms is not None:
        flink[BUFFER_TIMEOUT] = f"{setting.buffer_timeout_ms}ms"
    job_id = cluster.submit(*words, parallelism=parallelism, settings=flink)
    try:
        cluster.rest.wait_for_state(job_id, "RUNNING")
        with _generator(servers) as generator:
            _load(generator, servers, COMPILE_S)
            highest_rate = _load(generator, servers, HIGHEST_S)
            rate = conditions.rate or highest_rate / 2
            generator.send(Rate(rate))
            time.sleep(WARM_UP_S)
            begins, checkpoints = _ends(servers, OUTPUT), _completed(cluster, job_id)
            cpu, busy_s, began = Cpu.of(task_manager.pid), machine_busy_s(), time.monotonic()
            time.sleep(conditions.seconds)
            took_s = time.monotonic() - began
            cpu_s = Cpu.of(task_manager.pid).all_s - cpu.all_s
            busy_s = machine_busy_s() - busy_s
            ends, checkpoints = _ends(servers, OUTPUT), _completed(cluster, job_id) - checkpoints
            behind = records.written(servers, INPUT) - sum(ends.values())
        if behind > rate:
            raise RuntimeError(f"the job is {behind} records behind at {rate:.0f} records/s")
        times_ms = _times(servers, begins, ends)
        return {
            "highest_rate": highest_rate,
            "rate": len(times_ms) / took_s,
            "machine_busy": busy_s / took_s / os.cpu_count(),
            **_shares(times_ms),
            "cpu_us_per_event": cpu_s / len(times_ms) * 1e6,
            "records": len(times_ms),
            "checkpoints": checkpoints,
        }
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
    # As newer Kafka clients do by themselves; a batch a millisecond costs the broker half a core.
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "compression.type": "lz4"})
    users = itertools.cycle(
        (
            f"user-{user}",
            f'{{"uid":"user-{user}","access_type":"mobile","log_name":"CLICK","in_time":"405"'
            f',"out_time":"","ip":"192.168.75.139"',
        )
        for user in range(USERS)
    )
    while True:
        order = orders.recv()
        if isinstance(order, Batch):
            _send(producer, itertools.islice(users, order.records))
            continue
        began, sent = time.monotonic(), 0
        while not orders.poll():
            due = int((time.monotonic() - began) * order.per_second)
            _send(producer, itertools.islice(users, due - sent))
            sent = due
            time.sleep(TICK_S)


def _send(producer: Producer, users: Iterable[tuple[str, str]]) -> None:
    """Sends a record for each, that says when they were made."""
    now_us = time.time_ns() // 1000
    made = f',"ts":{now_us // 1000},"sent_us":{now_us}}}'
    for key, begin in users:
        while True:
            try:
                producer.produce(INPUT, begin + made, key)
                break
            except BufferError:
                producer.poll(0.1)
    producer.poll(0)


def _completed(cluster: Cluster, job_id: str) -> int:
    return cluster.rest.checkpoints(job_id)["counts"]["completed"]


def _ends(servers: str, topic: str) -> dict[int, int]:
    return {part: end for part, (_, end) in records.sizes(servers, topic).items()}


def _load(generator: Connection, servers: str, seconds: float) -> float:
    """The highest load: how many records a second come out as long as enough are on their way."""
    before = sent = now = records.written(servers, OUTPUT)
    began, elapsed = time.monotonic(), 0.0
    while elapsed < seconds:
        while sent - now < BATCHES_AHEAD * BATCH:
            generator.send(Batch(BATCH))
            sent += BATCH
        time.sleep(POLL_S)
        now, elapsed = records.written(servers, OUTPUT), time.monotonic() - began
    rate = (now - before) / elapsed
    # The next to measure is not to count them.
    deadline = time.monotonic() + PATIENCE_S
    while (now := records.written(servers, OUTPUT)) < sent:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{now} of {sent} records came out")
        time.sleep(POLL_S)
    return rate


def _times(servers: str, begins: dict[int, int], ends: dict[int, int]) -> array:
    """How long each record between these offsets of log-after was on its way, in milliseconds.

    Millions of them: in an array, which Python's collector does not walk through.
    """
    times_ms = array("d")
    for record in records.read_until_now(servers, OUTPUT, begins):
        if record.origin.offset < ends[record.origin.partition]:
            sent_us = int(SENT.search(record.value).group(1))
            times_ms.append(record.timestamp_ms - sent_us / 1000)
    return times_ms


def _shares(times_ms: array) -> dict[str, float]:
    in_order = sorted(times_ms)

    def at(share: float) -> float:
        return in_order[min(len(in_order) - 1, int(share * len(in_order)))]

    return {
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "p999_ms": at(0.999),
        "most_ms": in_order[-1],
    }
