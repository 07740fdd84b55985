"""What a job has done so far, reckoned from its topics and its committed offsets, as one page.

The topics are enough: every output carries its session, every dead letter its reason. So the page
needs no metrics, and can be made of a job long gone.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import sys
from pathlib import Path

from confluent_kafka import KafkaException

from rig import dead_letters, job, records, report_page
from rig.records import StoredRecord

MINUTE_MS = 60_000


@dataclasses.dataclass
class Session:
    """A session as its newest output shows it."""

    start_ms: int
    last_ms: int
    expires_ms: int
    events: int


@dataclasses.dataclass
class Report:
    input_topic: str
    output_topic: str
    dead_letter_topic: str
    records_in: int
    # Of the input, by partition: records that the job's group has not committed yet.
    lag: dict[int, int]
    outputs: int = 0
    dead_letters: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    sessions: dict[str, Session] = dataclasses.field(default_factory=dict)

    def enter_output(self, output: StoredRecord) -> None:
        self.outputs += 1
        label = json.loads(output.value)
        session_id = label["session_id"]
        if session_id is None:
            # It rode along where no session was.
            return
        known = self.sessions.get(session_id)
        times = (
            label["session_start_ts"],
            label["session_last_ts"],
            label["session_expire_at"],
        )
        events = label["seq_in_session"]
        # Outputs of a session stand in one partition in their order; the last one tells.
        self.sessions[session_id] = Session(*times, max(events, known.events if known else 0))

    def enter_dead_letter(self, letter: StoredRecord) -> None:
        self.dead_letters[dead_letters.reason_of(letter)] += 1

    def started_by_minute(self) -> dict[int, int]:
        """{minute of event time: sessions that started in it}"""
        return collections.Counter(each.start_ms // MINUTE_MS for each in self.sessions.values())

    def open_by_minute(self) -> dict[int, int]:
        """{minute of event time: sessions that are open at its end}, where the number changes."""
        changes: collections.Counter[int] = collections.Counter()
        for each in self.sessions.values():
            changes[each.start_ms // MINUTE_MS] += 1
            changes[each.expires_ms // MINUTE_MS + 1] -= 1
        now_open, by_minute = 0, {}
        for minute in sorted(changes):
            now_open += changes[minute]
            by_minute[minute] = now_open
        return by_minute

    def durations_ms(self) -> list[int]:
        return [each.last_ms - each.start_ms for each in self.sessions.values()]


def make(
    bootstrap_servers: str,
    *,
    input_topic: str,
    output_topic: str,
    dead_letter_topic: str,
    group: str,
) -> Report:
    """Reads the topics as they stand now. Memory grows with the sessions, not with the records."""
    sizes = records.sizes(bootstrap_servers, input_topic)
    done = records.committed_offsets(bootstrap_servers, group, input_topic)
    report = Report(
        input_topic,
        output_topic,
        dead_letter_topic,
        sum(end - first for first, end in sizes.values()),
        {
            partition: end - max(done.get(partition, first), first)
            for partition, (first, end) in sizes.items()
        },
    )
    for output in records.read_until_now(bootstrap_servers, output_topic):
        report.enter_output(output)
    for letter in records.read_until_now(bootstrap_servers, dead_letter_topic):
        report.enter_dead_letter(letter)
    return report


def main() -> int:
    options = _parser().parse_args()
    try:
        report = make(
            options.bootstrap_servers,
            input_topic=options.input_topic,
            output_topic=options.output_topic,
            dead_letter_topic=options.dead_letter_topic or f"{options.input_topic}.dlq",
            group=options.group_id,
        )
        options.page.write_text(report_page.page(report), encoding="utf-8")
    except (KafkaException, OSError) as error:
        print(f"scripts/report: {error}", file=sys.stderr)
        return 2
    print(f"{len(report.sessions):,} sessions, {report.outputs:,} outputs: {options.page}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/report",
        description="Writes a page on what a job has done: sessions a minute, open sessions, their "
        "duration, dead letters, lag. One HTML file without anything else to load.",
    )
    parser.add_argument("page", type=Path, metavar="FILE", help="the page to write")
    parser.add_argument("--bootstrap-servers", default="localhost:9092", metavar="HOST:PORT")
    parser.add_argument("--input-topic", default=job.INPUT, metavar="TOPIC")
    parser.add_argument("--output-topic", default=job.OUTPUT, metavar="TOPIC")
    parser.add_argument("--dead-letter-topic", metavar="TOPIC", help="default: <input-topic>.dlq")
    parser.add_argument(
        "--group-id", default="flink-session-consumer", metavar="ID", help="the job's, for its lag"
    )
    return parser
