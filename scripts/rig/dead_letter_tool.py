"""The command scripts/dead-letters: what died and why, its bytes, and a replay after the fix."""

from __future__ import annotations

import argparse
import datetime
import itertools
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import KafkaException
from rich import box
from rich.console import Console
from rich.table import Table

from rig import dead_letters, job, records
from rig.dead_letters import Plan, Selection
from rig.ledger import DETAIL, ERRORS, TRUNCATED, origin_of_dead_letter
from rig.records import Origin, StoredRecord

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# Bytes a line of a hex dump.
HEX_LINE = 16
# Characters of a time up to its hours, and up to its minutes.
HOURS, MINUTES = len("2026-01-31 09"), len("2026-01-31 09:00")
# How many dead letters `show` prints, and a replay sends at once.
SHOWN, SENT = 10, 1000

console = Console()
if not console.is_terminal:
    # Where no terminal gives the width, nothing is cut.
    console = Console(width=120)


def main() -> int:
    options = _parser().parse_args()
    options.dead_letter_topic = options.dead_letter_topic or f"{options.input_topic}.dlq"
    try:
        return options.command(options)
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough; the interpreter must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KafkaException, OSError) as error:
        print(f"scripts/dead-letters: {error}", file=sys.stderr)
        return 2


def list_(options: argparse.Namespace) -> int:
    """Counts the dead letters by what was asked for."""
    groups: dict[tuple, list] = defaultdict(lambda: [0, None, None, 0])
    for letter in _selected(options):
        group = groups[tuple(GROUPINGS[each](letter) for each in options.by)]
        group[0] += 1
        if letter.timestamp_ms is not None:
            group[1] = min(group[1] or letter.timestamp_ms, letter.timestamp_ms)
            group[2] = max(group[2] or letter.timestamp_ms, letter.timestamp_ms)
        group[3] += letter.header(TRUNCATED) is not None
    table = Table(title=f"Dead letters on {options.dead_letter_topic}", box=box.SIMPLE)
    for name in options.by:
        table.add_column(name, no_wrap=True)
    for name in ("records", "cut off"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("oldest", "newest"):
        table.add_column(name, no_wrap=True)
    for key, (count, *bounds, truncated) in sorted(groups.items()):
        times = (_time(at_ms)[:MINUTES] for at_ms in bounds)
        table.add_row(*key, f"{count:,}", f"{truncated:,}", *times)
    total = sum(group[0] for group in groups.values())
    console.print(table if groups else f"No such dead letter on {options.dead_letter_topic}.")
    console.print(
        f"{total:,} in all. Times are the records' own, in UTC. Cut off: without a value."
    )
    return 0


def show(options: argparse.Namespace) -> int:
    """Prints dead letters whole: place, reason, headers, key, value."""
    letters = _selected(options)
    if options.raw:
        for letter in itertools.islice(letters, options.limit):
            sys.stdout.buffer.write((letter.value or b"") + b"\n")
        return 0
    shown = 0
    for letter in itertools.islice(letters, options.limit):
        _show(letter, options.bytes)
        shown += 1
    more = next(letters, None) is not None
    print(f"{shown} shown" + (f"; there are more, see --limit ({options.limit})" if more else ""))
    return 0


def replay(options: argparse.Namespace) -> int:
    """Sends a selection into the input, or says what it would send."""
    if _selection(options).takes_all and not options.all:
        print(
            "scripts/dead-letters replay: say which, by --reason, --partition, --since, --until or "
            "--at, or --all",
            file=sys.stderr,
        )
        return 2
    plan = dead_letters.plan(
        options.bootstrap_servers,
        _selected(options),
        options.input_topic,
        most_rounds=options.rounds,
        new_timestamp=options.new_timestamp,
        limit=options.limit,
    )
    _show_plan(plan, options.limit)
    if options.dry_run:
        console.print(f"Dry run: nothing was sent to {options.input_topic}.")
        return 0
    sent = dead_letters.replay(
        options.bootstrap_servers,
        options.dead_letter_topic,
        plan,
        new_timestamp=options.new_timestamp,
    )
    if options.acknowledged:
        records.write_acknowledged(options.acknowledged, sent)
    console.print(f"{len(sent):,} sent to {options.input_topic}.")
    return 0


def _show_plan(plan: Plan, limit: int) -> None:
    table = Table(title="Replay", box=box.SIMPLE)
    table.add_column("")
    table.add_column("records", justify="right")
    table.add_row("to send", f"{len(plan.chosen):,}")
    if plan.beyond:
        table.add_row(f"beyond --limit {limit}: run it again for them", f"{plan.beyond:,}")
    for why, count in sorted(plan.refused.items()):
        table.add_row(f"left: {why}", f"{count:,}")
    console.print(table)


def _selected(options: argparse.Namespace) -> Iterator[StoredRecord]:
    return dead_letters.read(
        options.bootstrap_servers, options.dead_letter_topic, _selection(options)
    )


def _selection(options: argparse.Namespace) -> Selection:
    return Selection(
        frozenset(options.reason),
        frozenset(options.partition),
        options.since,
        options.until,
        frozenset(options.at),
    )


def _show(letter: StoredRecord, most_bytes: int) -> None:
    """Plain lines, for a record's bytes must not be taken for markup."""
    origin = origin_of_dead_letter(letter)
    print(f"== {letter.origin}")
    for name, text in (
        ("reason", dead_letters.reason_of(letter)),
        ("detail", letter.header(DETAIL) or ""),
        ("was", str(origin) if origin else "no record of the input"),
        ("time", _time(letter.timestamp_ms)),
    ):
        print(f"{name:<8}{text}")
    for name, value in letter.headers:
        if name not in (ERRORS + "reason", DETAIL):
            print(f"header  {name} = {_text(value)}")
    print(f"key     {_text(letter.key)}")
    value = letter.value
    size = "none" if value is None else f"{len(value):,} bytes"
    print(f"value   {size}")
    if value:
        print(_block(value[:most_bytes]))
        if len(value) > most_bytes:
            print(f"        ... {len(value) - most_bytes:,} bytes more; see --bytes and --raw")
    print()


def _text(value: bytes | None) -> str:
    """Bytes in one line; what is no text, or would move the cursor, is escaped."""
    return "none" if value is None else repr(value.decode(errors="backslashreplace"))[1:-1]


def _block(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and text:
        return f"        {text}"
    lines = []
    for at in range(0, len(value), HEX_LINE):
        line = value[at : at + HEX_LINE]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
        lines.append(f"        {at:08x}  {line.hex(' '):<{HEX_LINE * 3}} {letters}")
    return "\n".join(lines)


def _time(at_ms: int | None) -> str:
    if at_ms is None:
        return "none"
    at = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _partition(letter: StoredRecord) -> str:
    origin = origin_of_dead_letter(letter)
    return str(origin.partition) if origin else "none"


GROUPINGS = {
    "reason": dead_letters.reason_of,
    "partition": _partition,
    "hour": lambda letter: _time(letter.timestamp_ms)[:HOURS],
    "rounds": lambda letter: str(dead_letters.rounds_of(letter)),
}


def _moment(text: str) -> int:
    """`2h` is two hours ago; else a date or a date-time, UTC where it names no offset."""
    ago = re.fullmatch(r"(\d{1,9})([smhd])", text)
    now = datetime.datetime.now(datetime.timezone.utc)
    if ago:
        at = now - datetime.timedelta(seconds=int(ago[1]) * UNITS_S[ago[2]])
    else:
        at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        at = at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
    return int(at.timestamp() * 1000)


# argparse names the type in its error.
_moment.__name__ = "time"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/dead-letters",
        description="What became no event, and why; and its way back in once the cause is gone.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = _command(commands, list_, "list", "count them by reason, partition, hour, rounds")
    command.add_argument(
        "--by",
        nargs="+",
        choices=GROUPINGS,
        default=["reason"],
        metavar="WHAT",
        help=f"a line for each of: {', '.join(GROUPINGS)} (default: reason)",
    )

    command = _command(commands, show, "show", "print them whole: headers, key, value")
    _limit(command, SHOWN, "print at most so many")
    command.add_argument(
        "--bytes", type=int, default=2000, metavar="N", help="of each value (default: %(default)s)"
    )
    command.add_argument(
        "--raw", action="store_true", help="nothing but the values, a line each, as they are"
    )

    command = _command(
        commands,
        replay,
        "replay",
        "send them to the input once more",
        "Sends dead letters to the partition they came from, with their own key, value, headers "
        "and time, without the headers that say why they died. No dead letter is sent twice, and "
        "what died again after a replay is left, unless --rounds says otherwise.",
    )
    command.add_argument("--dry-run", action="store_true", help="say what would be sent")
    command.add_argument("--all", action="store_true", help="whatever the reason, place and time")
    _limit(command, SENT, "send at most so many, the oldest first; the next run goes on")
    command.add_argument(
        "--rounds",
        type=int,
        default=1,
        metavar="N",
        help="how often a record may be replayed in all (default: %(default)s)",
    )
    command.add_argument(
        "--new-timestamp",
        action="store_true",
        help="give them the present time; without it, what is older than the input keeps is left",
    )
    command.add_argument(
        "--acknowledged",
        type=Path,
        metavar="FILE",
        help="append what the broker took, for scripts/ledger --acknowledged",
    )
    return parser


def _command(
    commands: object, run: object, name: str, meaning: str, description: str | None = None
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=meaning, description=description or meaning)
    command.set_defaults(command=run)
    command.add_argument("--bootstrap-servers", default="localhost:9092", metavar="HOST:PORT")
    command.add_argument("--input-topic", default=job.INPUT, metavar="TOPIC")
    command.add_argument("--dead-letter-topic", metavar="TOPIC", help="default: <input-topic>.dlq")
    which = command.add_argument_group("which", "all that is given must hold")
    which.add_argument("--reason", action="append", default=[], metavar="WORD", help="any of these")
    which.add_argument(
        "--partition", action="append", default=[], type=int, metavar="N", help="of the input"
    )
    which.add_argument(
        "--since", type=_moment, metavar="TIME", help="the record's own: 2h, 2026-01-31T09:00+09:00"
    )
    which.add_argument("--until", type=_moment, metavar="TIME", help="before it")
    which.add_argument(
        "--at",
        action="append",
        default=[],
        type=Origin.parse,
        metavar="TOPIC/PARTITION/OFFSET",
        help="one dead letter, by the place that show prints",
    )
    return command


def _limit(command: argparse.ArgumentParser, default: int, meaning: str) -> None:
    command.add_argument(
        "--limit", type=int, default=default, metavar="N", help=f"{meaning} (default: %(default)s)"
    )
