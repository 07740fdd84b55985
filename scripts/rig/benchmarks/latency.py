"""From log-before to log-after at a fixed rate: how long a record is on its way."""

from __future__ import annotations

import itertools
import multiprocessing
import re
import time
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
# Sent at once: at a fixed rate alone the compilers of broker and job take a share of the machine
# for minutes, and records wait for them.
BURST = 1_000_000
# After the job has caught up with that.
WARM_UP_S = 30
CAUGHT_UP_MS = 1000
# Start and catching up together.
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
    settings: list[Setting],
    options: list[str],
    rate: int,
    seconds: int,
    parallelism: int,
) -> None:
    """Tries each setting, on a fresh TaskManager each."""
    cluster_of = {
        "slots": parallelism,
        "task_manager_memory": "1728m",
        "checkpoint_interval": "10s",
    }
    with stand(RUN, **cluster_of) as (_, broker, cluster):
        cluster.launch()
        cluster.wait()
        for setting in settings:
            figures = _run(
                broker.bootstrap_servers, cluster, setting, options, rate, seconds, parallelism
            )
            tried = {"setting": str(setting), "options": options, "parallelism": parallelism}
            results.append(LEVEL, {**tried, **figures})
            console.print(
                f"{setting!s:8} {figures['rate']:,.0f} records/s: p50 {figures['p50_ms']:.1f},"
                f" p99 {figures['p99_ms']:.1f}, p99.9 {figures['p999_ms']:.1f} ms;"
                f" {figures['cpu_us_per_event']:.1f} us of CPU a record"
            )


def _run(
    servers: str,
    cluster: Cluster,
    setting: Setting,
    options: list[str],
    rate: int,
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
    cluster.rest.wait_for_state(job_id, "RUNNING")
    # Not a fork: this process has clients of Kafka, whose threads and locks a fork would tear.
    generator = multiprocessing.get_context("spawn").Process(
        target=_generate,
        args=(servers, rate, PATIENCE_S + WARM_UP_S + seconds),
        daemon=True,
    )
    generator.start()
    try:
        return _read(servers, parallelism, seconds, task_manager.pid)
    finally:
        generator.terminate()
        generator.join()
        cluster.rest.cancel(job_id)
        for topic in (INPUT, OUTPUT):
            records.delete_topic(servers, topic)


def _generate(servers: str, rate: int, seconds: float) -> None:
    """Sends the burst, then records at a rate; each says when it was made."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 1, "compression.type": "lz4"})
    users = itertools.cycle(range(USERS))
    for _ in range(BURST):
        _send(producer, next(users))
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < seconds:
        while sent < elapsed * rate:
            _send(producer, next(users))
            sent += 1
        producer.poll(0)
        time.sleep(TICK_S)
    producer.flush()


def _send(producer: Producer, user: int) -> None:
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


def _read(servers: str, partitions: int, seconds: int, pid: int) -> dict:
    """Takes the time of every record that comes out, once all is warm."""
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
        _catch_up(consumer)
        _take_times(consumer, WARM_UP_S)
        before, began = Cpu.of(pid), time.monotonic()
        times_ms = sorted(_take_times(consumer, seconds))
        took_s = time.monotonic() - began
        cpu_s = Cpu.of(pid).all_s - before.all_s
    finally:
        consumer.close()
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


def _catch_up(consumer: Consumer) -> None:
    """Until the burst is out and a second's records are fresh."""
    deadline = time.monotonic() + PATIENCE_S
    out = 0
    while True:
        times_ms = _take_times(consumer, 1)
        out += len(times_ms)
        if out > BURST and times_ms and max(times_ms) <= CAUGHT_UP_MS:
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
