"""Catching up on a backlog: with watermark alignment a partition does not run away from another.

The broker lets the source read slowly, so that the backlog lasts: Flink looks once a second.
"""

from __future__ import annotations

import json
import time

from rig.records import Record

START_MS = 1431857103000
HOUR_MS = 3_600_000
HOURS = 100
# Of the two partitions, over the same hours of event time.
FEW, MANY = 2_000, 8_000
BYTES_PER_S = 60_000
# The source's client in its only subtask.
READER = "slow-0"
SLOW = (
    *("--source.client.id.prefix", "slow", "--source.max.poll.records", "50"),
    *("--source.max.partition.fetch.bytes", "8192", "--source.fetch.max.bytes", "16384"),
)
NEVER_IDLE = ("--idle-timeout", "0")
ALIGNED = ("--watermark-alignment", "1h")


def backlog() -> list[Record]:
    return [
        Record(
            b"k",
            b'{"uid":"u%d-%d","log_name":"CLICK","ts":%d}'
            % (partition, number % 100, START_MS + number * HOURS * HOUR_MS // count),
            partition=partition,
        )
        for partition, count in enumerate((FEW, MANY))
        for number in range(count)
    ]


def largest_drift(bench, *options: str) -> tuple[float, float]:
    """How many hours the partitions were apart at most, as they came out, and how long it took.

    One task and one output partition, so that there is one order.
    """
    with (
        bench.broker.consumer_limited(READER, BYTES_PER_S),
        bench.pipeline(*SLOW, *NEVER_IDLE, *options, partitions=2, output_partitions=1) as pipeline,
    ):
        began = time.monotonic()
        # What a broker would have to send at once beyond the quota it never sends.
        pipeline.send(backlog(), batch_num_messages=50)
        account = pipeline.account()
        took = time.monotonic() - began
        pipeline.assert_never_failed()
    assert account.differences() == {}
    outputs = [(outputs[-1], origin.partition) for origin, outputs in account.out.items()]
    reached = [START_MS, START_MS]
    largest = 0
    for output, partition in sorted(outputs, key=lambda each: each[0].origin.offset):
        reached[partition] = json.loads(output.value)["ts"]
        largest = max(largest, abs(reached[0] - reached[1]))
    return largest / HOUR_MS, took


def test_watermark_alignment_bounds_the_drift(bench, note):
    """One partition has a quarter of the other's records, over the same hours."""
    free, took = largest_drift(bench)
    aligned, took_aligned = largest_drift(bench, *ALIGNED)
    note(
        f"drift of {free:.0f} h of {HOURS} without alignment ({took:.0f} s),"
        f" {aligned:.0f} h with 1h ({took_aligned:.0f} s)"
    )
    assert free > 60
    # An hour, and what is read before Flink looks the first time.
    assert aligned < 45
