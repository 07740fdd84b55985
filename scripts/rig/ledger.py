"""The ledger: records in = records out + dead letters, matched one by one.

The producer's acknowledgements are the truth about what went in where there are some, else what
stands on the input topic. Each output record names its input record in the header
`session.origin`, each dead letter in the headers `__connect.errors.topic`, `.partition`, `.offset`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import KafkaException
from rich import box
from rich.console import Console
from rich.table import Table

from rig import records
from rig.records import Acknowledged, Origin, Reader, StoredRecord

ORIGIN = "session.origin"
ERRORS = "__connect.errors."
# What the broker refuses whole is a dead letter without its value, told by these headers.
TRUNCATED = ERRORS + "truncated"
TRUNCATED_SHA256 = ERRORS + "value.sha256"
REASON = ERRORS + "reason"
# How many differences of a kind are shown.
SHOWN = 5


@dataclasses.dataclass
class Account:
    """The three sides of the ledger and what does not add up between them."""

    records_in: dict[Origin, str] = dataclasses.field(default_factory=dict)
    out: dict[Origin, list[StoredRecord]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    dead: dict[Origin, list[StoredRecord]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    untraceable: list[str] = dataclasses.field(default_factory=list)

    def enter_in(self, acknowledged: Iterable[Acknowledged]) -> None:
        for each in acknowledged:
            self.records_in[each.origin] = each.sha256

    def enter_out(self, output: StoredRecord) -> None:
        self._enter(self.out, output, origin_of_output)

    def enter_dead(self, dead_letter: StoredRecord) -> None:
        self._enter(self.dead, dead_letter, origin_of_dead_letter)

    @property
    def balanced(self) -> bool:
        """Each record that went in has come out, as what it may be."""
        return all(origin in self.out or origin in self.dead for origin in self.records_in)

    @property
    def repeats(self) -> int:
        """Output records and dead letters beyond the first of their input record."""
        return sum(len(copies) - 1 for side in (self.out, self.dead) for copies in side.values())

    def reasons(self) -> dict[str, int]:
        """Dead letters by reason."""
        counts: dict[str, int] = defaultdict(int)
        for copies in self.dead.values():
            counts[copies[-1].header(REASON) or "no reason"] += 1
        return dict(sorted(counts.items()))

    def differences(self) -> dict[str, list[str]]:
        """What is wrong, by kind; empty where the ledger holds."""
        came_out = self.out.keys() | self.dead.keys()
        kinds = {
            "missing": [str(origin) for origin in sorted(self.records_in.keys() - came_out)],
            "invented": [str(origin) for origin in sorted(came_out - self.records_in.keys())],
            "without an origin": self.untraceable,
            "both out and dead": [str(each) for each in sorted(self.out.keys() & self.dead.keys())],
            "repeated with other bytes": [
                str(origin)
                for side in (self.out, self.dead)
                for origin, copies in sorted(side.items())
                if len({(copy.key, copy.value) for copy in copies}) > 1
            ],
            "dead letters with other bytes": list(self._changed_dead_letters()),
            "sessions not counted 1 to n": list(self._miscounted_sessions()),
        }
        return {kind: found for kind, found in kinds.items() if found}

    def _enter(self, side: dict, record: StoredRecord, origin_of: object) -> None:
        origin = origin_of(record)
        if origin is None:
            self.untraceable.append(str(record.origin))
        else:
            side[origin].append(record)

    def _changed_dead_letters(self) -> Iterable[str]:
        for origin, copies in sorted(self.dead.items()):
            expected = self.records_in.get(origin)
            if expected is not None and _sha256(copies[-1]) != expected:
                yield f"{origin}, as {copies[-1].origin}"

    def _miscounted_sessions(self) -> Iterable[str]:
        numbers: dict[str, list[int]] = defaultdict(list)
        for copies in self.out.values():
            label = json.loads(copies[-1].value)
            # An event that only rides along is counted by no session.
            if label["seq_in_session"] != 0:
                numbers[label["session_id"]].append(label["seq_in_session"])
        for session_id, found in sorted(numbers.items()):
            if sorted(found) != list(range(1, len(found) + 1)):
                yield f"{session_id}: {sorted(found)}"


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
    input_topic: str,
    output_topic: str,
    dead_letter_topic: str,
    acknowledged: Iterable[Acknowledged] | None = None,
    patience_s: float = 0,
) -> Account:
    """Reads the topics into an account; waits for records still on their way, but not for ever.

    Gives up when nothing has come for `patience_s`.
    """
    account = Account()
    if acknowledged is None:
        stored = records.read(bootstrap_servers, input_topic)
        acknowledged = [Acknowledged.of(record.origin, record.value) for record in stored]
    account.enter_in(acknowledged)
    with Reader(bootstrap_servers, output_topic, dead_letter_topic) as reader:
        last = time.monotonic()
        while True:
            for record in reader.rest():
                last = time.monotonic()
                if record.origin.topic == output_topic:
                    account.enter_out(record)
                else:
                    account.enter_dead(record)
            if account.balanced or time.monotonic() - last > patience_s:
                return account
            time.sleep(0.2)


def show(account: Account, console: Console) -> bool:
    """Prints the account and PASS or FAIL; returns whether it holds."""
    differences = account.differences()
    table = Table(title="Ledger", box=box.SIMPLE)
    table.add_column("")
    table.add_column("records", justify="right")
    for name, count in (
        ("in", len(account.records_in)),
        ("out", len(account.out)),
        ("dead letters", len(account.dead)),
        ("repeats", account.repeats),
    ):
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
            acknowledged=acknowledged,
            patience_s=options.patience,
        )
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
    parser.add_argument("--input-topic", default="log-before")
    parser.add_argument("--output-topic", default="log-after")
    parser.add_argument("--dead-letter-topic", help="default: <input-topic>.dlq")
    parser.add_argument(
        "--acknowledged",
        type=Path,
        metavar="FILE",
        help="what the producer was told: a JSON object a line with topic, partition, offset and "
        "sha256 of the value; without it the input topic itself is the truth",
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
