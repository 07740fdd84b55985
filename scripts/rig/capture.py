"""From Kafka to files and back: a topic as lines in the capture format.

The format is told, and read in Rust, in rust-core/replay/src/capture.rs.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import heapq
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from confluent_kafka import KafkaException

from rig import records
from rig.records import Record, StoredRecord

# How many records are sent before the producer is waited for.
SENT_AT_ONCE = 100_000


class CaptureError(Exception):
    """A line that is no record in the capture format."""


def line(record: StoredRecord) -> str:
    """A record as one JSON object, without the line's end."""
    timestamp = record.timestamp_ms
    content = {
        "topic": record.origin.topic,
        "partition": record.origin.partition,
        "offset": record.origin.offset,
        "timestamp": timestamp if timestamp is not None and timestamp >= 0 else None,
        "key": _text(record.key),
        "headers": [[name, _text(value)] for name, value in record.headers],
        "value": _text(record.value),
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def record(text: str, by_key: bool = False) -> Record:
    """A line as a record to send: to the partition it came from, or to the one of its key."""
    content = json.loads(text)
    return Record(
        key=_bytes(content["key"]),
        value=_bytes(content["value"]),
        headers=tuple((name, _bytes(value)) for name, value in content.get("headers", ())),
        timestamp_ms=content["timestamp"],
        partition=None if by_key else content["partition"],
    )


def in_order(bootstrap_servers: str, topic: str) -> Iterator[StoredRecord]:
    """All that stands on a topic now: each partition in its order, else by timestamp.

    So a file does not depend on how the broker hands the partitions out.
    """
    partitions = (
        records.read_until_now(bootstrap_servers, topic, {partition: 0})
        for partition in sorted(records.sizes(bootstrap_servers, topic))
    )
    yield from heapq.merge(
        *partitions, key=lambda each: (each.timestamp_ms or 0, each.origin.partition)
    )


def save(bootstrap_servers: str, topic: str, file: Path) -> int:
    """Writes a topic to a file; returns how many records."""
    count = 0
    partial = file.with_name(file.name + ".partial")
    with opened(partial, "wt", packed=file.suffix == ".gz") as lines:
        for each in in_order(bootstrap_servers, topic):
            lines.write(line(each) + "\n")
            count += 1
    partial.replace(file)
    return count


def load(bootstrap_servers: str, file: Path, topic: str, by_key: bool = False) -> int:
    """Sends a file's records to a topic; returns how many."""
    count = 0
    with opened(file, "rt") as lines:
        to_send = _read(file, lines, by_key)
        while True:
            some = list(itertools.islice(to_send, SENT_AT_ONCE))
            if not some:
                return count
            count += len(records.send(bootstrap_servers, topic, some))


def _read(file: Path, lines: Iterable[str], by_key: bool) -> Iterator[Record]:
    for number, text in enumerate(lines, 1):
        if text.strip():
            try:
                yield record(text, by_key)
            except (ValueError, KeyError, TypeError) as error:
                raise CaptureError(f"{file}, line {number}: no capture line: {error}") from None


def opened(file: Path, mode: str, packed: bool | None = None) -> IO[str]:
    """A file of lines; packed as its name says, where nothing else is told."""
    # Only a line feed ends a line: text may hold other characters that Python breaks lines at.
    opening = gzip.open if (file.suffix == ".gz" if packed is None else packed) else open
    return opening(file, mode, encoding="utf-8", newline="\n")


def _text(content: bytes | None) -> str | dict | None:
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _bytes(content: str | dict | None) -> bytes | None:
    if isinstance(content, dict):
        return base64.b64decode(content["base64"], validate=True)
    return None if content is None else content.encode()


def main() -> int:
    options = _parser().parse_args()
    try:
        if options.what == "save":
            count = save(options.bootstrap_servers, options.topic, options.file)
            print(f"{count:,} records from {options.topic} in {options.file}")
        else:
            count = load(options.bootstrap_servers, options.file, options.topic, options.by_key)
            print(f"{count:,} records from {options.file} on {options.topic}")
    except (KafkaException, CaptureError, OSError) as error:
        print(f"capture: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/capture",
        description="From Kafka to files and back: a topic as one JSON object a record, which "
        "session-replay reads and writes. A name that ends in .gz is compressed.",
    )
    parser.add_argument("--bootstrap-servers", default="localhost:9092")
    commands = parser.add_subparsers(dest="what", required=True, metavar="save | load")
    saving = commands.add_parser("save", help="write a topic to a file, up to where it ends now")
    saving.add_argument("topic", metavar="TOPIC")
    saving.add_argument("file", type=Path, metavar="FILE")
    loading = commands.add_parser("load", help="send a file's records to a topic")
    loading.add_argument("file", type=Path, metavar="FILE")
    loading.add_argument("topic", metavar="TOPIC")
    loading.add_argument(
        "--by-key",
        action="store_true",
        help="let the key choose the partition, where a record came from another",
    )
    return parser
