"""The ledger: records in = records out + dead letters, matched one by one.

The producer's acknowledgements are the truth about what went in where there are some, else what
stands on the input topic. Each output record names its input record in the header
`session.origin`, each dead letter in the headers `__connect.errors.topic`, `.partition`, `.offset`.
Where an input record came out more than once, the last output counts.

The topics are read twice, by a client that is not Java: as a reader with read_committed sees them,
which is what is judged, and whole, transactions that were aborted included.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from confluent_kafka import KafkaException
from rich import box
from rich.console import Console
from rich.table import Table

from rig import history, job, records
from rig.records import Acknowledged, Origin, Reader, StoredRecord

ORIGIN = "session.origin"
ERRORS = "__connect.errors."
# What the broker refuses whole is a dead letter without its value, told by these headers.
TRUNCATED = ERRORS + "truncated"
TRUNCATED_SHA256 = ERRORS + "value.sha256"
REASON = ERRORS + "reason"
DETAIL = ERRORS + "exception.message"
DIFFERING_REPEATS = "repeated with other bytes"
ALWAYS_SHOWN = ("in", "out", "dead letters", "repeats")
# How many differences of a kind are shown.
SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Promise:
    """What the job promises for this run beyond that nothing is lost and nothing invented."""

    # A reader with read_committed sees each output and each close record once.
    exactly_once: bool = False
    # A repeat may say something else only where events came later than the allowed lateness.
    equal_repeats: bool = True


PLAIN = Promise()


@dataclasses.dataclass
class Account:
    """The sides of the ledger and what does not add up between them."""

    promise: Promise = PLAIN
    records_in: dict[Origin, str] = dataclasses.field(default_factory=dict)
    out: dict[Origin, list[StoredRecord]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    dead: dict[Origin, list[StoredRecord]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    # Close records by session id.
    closed: dict[str, list[StoredRecord]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    untraceable: list[str] = dataclasses.field(default_factory=list)
    # What the second reading, of all that was ever written, found beyond the first, and missed.
    uncommitted: int = 0
    unconfirmed: list[str] = dataclasses.field(default_factory=list)

    def enter_in(self, acknowledged: Iterable[Acknowledged]) -> None:
        for each in acknowledged:
            self.records_in[each.origin] = each.sha256

    def enter_out(self, output: StoredRecord) -> None:
        self._enter(self.out, output, origin_of_output)

    def enter_dead(self, dead_letter: StoredRecord) -> None:
        self._enter(self.dead, dead_letter, origin_of_dead_letter)

    def enter_closed(self, close_record: StoredRecord) -> None:
        self.closed[json.loads(close_record.value)["session_id"]].append(close_record)

    def confirm(self, second_reading: Iterable[Origin]) -> None:
        """Compares the places of all that was ever written with what the first reading found."""
        found = {copy.origin for copies in self._sides() for copy in copies}
        for each in second_reading:
            if each in found:
                found.discard(each)
            else:
                self.uncommitted += 1
        self.unconfirmed = [str(each) for each in sorted(found)]

    @property
    def balanced(self) -> bool:
        """Each record that went in has come out, as what it may be."""
        return all(origin in self.out or origin in self.dead for origin in self.records_in)

    @property
    def repeats(self) -> int:
        """Output records, dead letters and close records beyond the first of their kind."""
        return sum(len(copies) - 1 for copies in self._sides())

    def reasons(self) -> dict[str, int]:
        """Dead letters by reason."""
        reasons = (copies[-1].header(REASON) or "no reason" for copies in self.dead.values())
        return dict(sorted(Counter(reasons).items()))

    def differing_repeats(self) -> list[str]:
        """Input records and sessions of which two records say different things."""
        return [
            str(of)
            for side in (self.out, self.dead, self.closed)
            for of in sorted(_repeated(side))
            if len({(copy.key, copy.value) for copy in side[of]}) > 1
        ]

    def counts(self) -> dict[str, int]:
        """The figures of the account, those of differences left out."""
        return {
            "in": len(self.records_in),
            "out": len(self.out),
            "dead letters": len(self.dead),
            "close records": len(self.closed),
            "repeats": self.repeats,
            DIFFERING_REPEATS: len(self.differing_repeats()),
            "written, not committed": self.uncommitted,
        }

    def differences(self) -> dict[str, list[str]]:
        """What is wrong, by kind; empty where the ledger holds."""
        came_out = self.out.keys() | self.dead.keys()
        labels = self._labels()
        kinds = {
            "missing": [str(origin) for origin in sorted(self.records_in.keys() - came_out)],
            "invented": [str(origin) for origin in sorted(came_out - self.records_in.keys())],
            "without an origin": self.untraceable,
            "both out and dead": [str(each) for each in sorted(self.out.keys() & self.dead.keys())],
            DIFFERING_REPEATS: self.differing_repeats() if self.promise.equal_repeats else [],
            "repeated in spite of exactly-once": list(self._broken_exactly_once()),
            "dead letters with other bytes": list(self._changed_dead_letters()),
            "sessions not counted 1 to n": list(self._miscounted_sessions(labels)),
            "close records that disagree": list(self._disagreeing_close_records(labels)),
            "gone at the second reading": self.unconfirmed,
        }
        return {kind: found for kind, found in kinds.items() if found}

    def _sides(self) -> Iterator[list[StoredRecord]]:
        for side in (self.out, self.dead, self.closed):
            yield from side.values()

    def _enter(self, side: dict, record: StoredRecord, origin_of: object) -> None:
        origin = origin_of(record)
        if origin is None:
            self.untraceable.append(str(record.origin))
        else:
            side[origin].append(record)

    def _broken_exactly_once(self) -> Iterable[str]:
        if self.promise.exactly_once:
            for side in (self.out, self.closed):
                for of in sorted(_repeated(side)):
                    yield f"{of}, {len(side[of])} times"

    def _changed_dead_letters(self) -> Iterable[str]:
        for origin, copies in sorted(self.dead.items()):
            expected = self.records_in.get(origin)
            if expected is not None and _sha256(copies[-1]) != expected:
                yield f"{origin}, as {copies[-1].origin}"

    def _labels(self) -> dict[str, list[dict]]:
        """The labels of each session, the last one of each input record."""
        labels = defaultdict(list)
        for copies in self.out.values():
            label = json.loads(copies[-1].value)
            # An event that only rides along is counted by no session.
            if label["seq_in_session"] != 0:
                labels[label["session_id"]].append(label)
        return labels

    @staticmethod
    def _miscounted_sessions(labels: dict[str, list[dict]]) -> Iterable[str]:
        for session_id, of_session in sorted(labels.items()):
            found = sorted(label["seq_in_session"] for label in of_session)
            if found != list(range(1, len(found) + 1)):
                yield f"{session_id}: {found}"

    def _disagreeing_close_records(self, labels: dict[str, list[dict]]) -> Iterable[str]:
        """A close record says what the labels of its session say, taken together."""
        for session_id, copies in sorted(self.closed.items()):
            closed = json.loads(copies[-1].value)
            of_session = labels.get(session_id)
            if not of_session:
                yield f"{session_id}: no event has that session"
                continue
            last = max(of_session, key=lambda label: label["seq_in_session"])
            expected = {
                "event_count": len(of_session),
                "session_start_ts": last["session_start_ts"],
                "session_last_ts": last["session_last_ts"],
            }
            said = {name: closed[name] for name in expected}
            if said != expected:
                yield f"{session_id}: {said}, its events say {expected}"
            elif closed["session_expire_at"] > last["session_expire_at"]:
                # Earlier it may be: the session that came next ends it.
                yield f"{session_id}: it expires after its last event said"
            elif sum(closed["log_names"].values()) != closed["event_count"]:
                yield f"{session_id}: {closed['log_names']} are not {closed['event_count']} events"


def _repeated(side: dict) -> list:
    """Of what there is more than one record."""
    return [of for of, copies in side.items() if len(copies) > 1]


def origin_of_output(output: StoredRecord) -> Origin | None:
    text = output.header(ORIGIN)
    return Origin.parse(text) if text else None


def origin_of_dead_letter(dead_letter: StoredRecord) -> Origin | None:
    topic, partition, offset = (
        dead_letter.header(ERRORS + name) for name in ("topic", "partition", "offset")
    )
    return Origin(topic, int(partition), int(offset)) if topic else None


def keep(
    bootstrap_servers: str,
    *,
    input_topic: str = job.INPUT,
    output_topic: str = job.OUTPUT,
    dead_letter_topic: str = job.DEAD_LETTERS,
    session_topic: str | None = None,
    acknowledged: Iterable[Acknowledged] | None = None,
    promise: Promise = PLAIN,
    patience_s: float = 0,
) -> Account:
    """Reads the topics into an account; waits for records still on their way, but not for ever.

    Gives up when nothing has come for `patience_s`.
    """
    account = Account(promise)
    if acknowledged is None:
        stored = records.read(bootstrap_servers, input_topic)
        acknowledged = [Acknowledged.of(record.origin, record.value) for record in stored]
    account.enter_in(acknowledged)
    enter = {output_topic: account.enter_out, dead_letter_topic: account.enter_dead}
    if session_topic is not None:
        enter[session_topic] = account.enter_closed
    with Reader(bootstrap_servers, *enter) as reader:
        last = time.monotonic()
        while True:
            for record in reader.rest():
                last = time.monotonic()
                enter[record.origin.topic](record)
            if account.balanced or time.monotonic() - last > patience_s:
                break
            time.sleep(0.2)
    with Reader(bootstrap_servers, *enter, isolation_level="read_uncommitted") as reader:
        account.confirm(reader.origins_of_rest())
    return account


def show(account: Account, console: Console) -> bool:
    """Prints the account and PASS or FAIL; returns whether it holds."""
    differences = account.differences()
    table = Table(title="Ledger", box=box.SIMPLE)
    table.add_column("")
    table.add_column("records", justify="right")
    for name, count in account.counts().items():
        if count and name not in differences or name in ALWAYS_SHOWN:
            table.add_row(name, f"{count:,}")
    for kind, found in differences.items():
        table.add_row(f"[red]{kind}", f"[red]{len(found):,}")
    console.print(table)
    for kind, found in differences.items():
        for each in found[:SHOWN]:
            console.print(f"{kind}: {each}", highlight=False, markup=False)
        if len(found) > SHOWN:
            console.print(f"{kind}: and {len(found) - SHOWN:,} more")
    console.print("[red]FAIL" if differences else "[green]PASS")
    return not differences


def verdict(account: Account) -> dict:
    """The account in short, for a history."""
    differences = account.differences()
    return {
        "event": "ledger",
        "passed": not differences,
        **account.counts(),
        "differences": {kind: len(found) for kind, found in differences.items()},
        "first": {kind: found[:SHOWN] for kind, found in differences.items()},
    }


def main() -> int:
    options = _parser().parse_args()
    console = Console()
    acknowledged = None
    try:
        if options.acknowledged:
            acknowledged = records.read_acknowledged(options.acknowledged)
        account = keep(
            options.bootstrap_servers,
            input_topic=options.input_topic,
            output_topic=options.output_topic,
            dead_letter_topic=options.dead_letter_topic or f"{options.input_topic}.dlq",
            session_topic=options.session_topic,
            acknowledged=acknowledged,
            promise=Promise(
                exactly_once=options.exactly_once, equal_repeats=not options.late_events
            ),
            patience_s=options.patience,
        )
        if options.history:
            history.History(options.history).note(**verdict(account))
    except (KafkaException, OSError) as error:
        print(f"The ledger could not be kept: {error}", file=sys.stderr)
        return 2
    return 0 if show(account, console) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/ledger",
        description="Matches what went in with what came out, one by one. "
        "Exits with 0 where the ledger holds, 1 where it does not, 2 where it could not be kept.",
    )
    parser.add_argument("--bootstrap-servers", default="localhost:9092")
    parser.add_argument("--input-topic", default=job.INPUT)
    parser.add_argument("--output-topic", default=job.OUTPUT)
    parser.add_argument("--dead-letter-topic", help="default: <input-topic>.dlq")
    parser.add_argument(
        "--session-topic", help="of close records; without it they are not looked at"
    )
    parser.add_argument(
        "--acknowledged",
        type=Path,
        metavar="FILE",
        help="what the producer was told: a JSON object a line with topic, partition, offset and "
        "sha256 of the value; without it the input topic itself is the truth",
    )
    parser.add_argument(
        "--exactly-once",
        action="store_true",
        help="the job ran with --delivery exactly-once: nothing may be there twice",
    )
    parser.add_argument(
        "--late-events",
        action="store_true",
        help="events came later than the allowed lateness, so that a repeat may differ",
    )
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help="append the outcome to it, as a JSON line"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=10,
        metavar="SECONDS",
        help="how long to wait while nothing more comes out (default: %(default)s)",
    )
    return parser


def _sha256(dead_letter: StoredRecord) -> str:
    if dead_letter.header(TRUNCATED) is not None:
        return dead_letter.header(TRUNCATED_SHA256)
    return Acknowledged.of(dead_letter.origin, dead_letter.value).sha256
