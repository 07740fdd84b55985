"""Scenario files, read; their format is told in rust-core/scenarios/README.md."""

from __future__ import annotations

import dataclasses
import datetime
import re
from pathlib import Path
from typing import NamedTuple, Union

ZONE = datetime.timezone(datetime.timedelta(hours=9))
BASE_MS = int(datetime.datetime(2024, 12, 14, tzinfo=ZONE).timestamp() * 1000)
DAY_MS = 86_400_000

DIRECTIVE = re.compile(r"(rules|lateness|order|now) (.+)")
TIME = re.compile(r"(?:\+(\d+)d )?(\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?")
AT = r"((?:\+\d+d )?[\d:.]+)"
EVENT = re.compile(rf"{AT} event (\S+) (\S+) *-> (.+)")
LABEL = re.compile(rf"{AT} seq=(\d+) start={AT} last={AT} expires={AT}")
WATERMARK = re.compile(rf"watermark {AT} *-> (.+)")
CLOSED = re.compile(rf"closed (\S+)@{AT} count=(\d+) last={AT} by=(\S+)")
RECORD = re.compile(rf"record (.*?)(?: @ {AT})? -> (event|dead (\S+)|out (.+))")


class Label(NamedTuple):
    """An event's label; times count from the scenario's midnight, in milliseconds."""

    id_ms: int
    seq: int
    start_ms: int
    last_ms: int
    expires_ms: int


class Closed(NamedTuple):
    key: str
    id_ms: int
    count: int
    last_ms: int
    by: str


class Event(NamedTuple):
    at_ms: int
    key: str
    log_name: str
    # None where an event rides along and no session is there.
    label: Label | None
    closed: list[Closed]


class Watermark(NamedTuple):
    at_ms: int
    closed: list[Closed]


class RawRecord(NamedTuple):
    value: bytes
    own_time_ms: int | None
    # The outcome: the reason of a dead letter, an output's bytes, or neither for any label.
    reason: str | None
    output: bytes | None


Step = Union[Event, Watermark, RawRecord]


@dataclasses.dataclass
class Scenario:
    name: str
    directives: dict[str, str]
    steps: list[Step]


class ScenarioError(Exception):
    """A line that the format does not know."""


def read(file: Path) -> Scenario:
    directives: dict[str, str] = {}
    steps: list[Step] = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line.startswith("record "):
            line = re.sub(r"(^|  )#.*", "", line).rstrip()
        if not line or line.startswith("due "):
            continue
        directive = DIRECTIVE.fullmatch(line)
        if directive:
            directives[directive[1]] = directive[2]
            continue
        step = _step(line)
        if step is None:
            raise ScenarioError(f"{file.name}:{number}: {line}")
        steps.append(step)
    return Scenario(file.stem, directives, steps)


def _step(line: str) -> Step | None:
    event = EVENT.fullmatch(line)
    if event:
        label, *closed = event[4].split("; ")
        return Event(_ms(event[1]), event[2], event[3], _label(label), _closed("; ".join(closed)))
    watermark = WATERMARK.fullmatch(line)
    if watermark:
        return Watermark(_ms(watermark[1]), _closed(watermark[2]))
    record = RECORD.fullmatch(line)
    if record:
        value, own_time, _, reason, output = record.groups()
        return RawRecord(
            value.encode(),
            BASE_MS + _ms(own_time) if own_time else None,
            reason,
            output.encode() if output else None,
        )
    return None


def _label(text: str) -> Label | None:
    if text == "null":
        return None
    id_at, seq, *times = LABEL.fullmatch(text).groups()
    start_ms, last_ms, expires_ms = map(_ms, times)
    return Label(_ms(id_at), int(seq), start_ms, last_ms, expires_ms)


def _closed(text: str) -> list[Closed]:
    found = []
    for each in text.split("; ") if text not in ("", "nothing") else []:
        key, id_at, count, last, by = CLOSED.fullmatch(each).groups()
        found.append(Closed(key, _ms(id_at), int(count), _ms(last), by))
    return found


def _ms(text: str) -> int:
    days, hours, minutes, seconds, millis = TIME.fullmatch(text).groups(default="0")
    return (
        int(days) * DAY_MS
        + ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000
        + int(millis)
    )
