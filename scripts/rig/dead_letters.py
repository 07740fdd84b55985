"""Dead letters: finding them on their topic, and sending them to the input once more.

A replayed record is a new record of the input: its own place there, its own output or dead letter.
It carries two headers. `session.replays` counts its rounds, so that a record nobody fixed does not
go round for ever. `session.replay-of` names the dead letter, so that no dead letter is sent twice,
whoever runs the replay again and after whatever interruption; the input topic is the only memory.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rig import records
from rig.ledger import ERRORS, REASON, TRUNCATED, origin_of_dead_letter
from rig.records import Acknowledged, Origin, Record, StoredRecord

REPLAYS = "session.replays"
REPLAY_OF = "session.replay-of"
NO_REASON = "no reason"


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which dead letters are meant; what is left empty does not matter."""

    reasons: frozenset[str] = frozenset()
    # Of the input: where the record came from.
    partitions: frozenset[int] = frozenset()
    # Bounds of the record's own time, in milliseconds: from the first on, before the second.
    since_ms: int | None = None
    until_ms: int | None = None
    # Places of dead letters on their own topic.
    places: frozenset[Origin] = frozenset()

    def takes(self, letter: StoredRecord) -> bool:
        origin = origin_of_dead_letter(letter)
        at_ms = letter.timestamp_ms
        return (
            (not self.reasons or reason_of(letter) in self.reasons)
            and (not self.partitions or (origin and origin.partition) in self.partitions)
            and (self.since_ms is None or (at_ms is not None and at_ms >= self.since_ms))
            and (self.until_ms is None or (at_ms is not None and at_ms < self.until_ms))
            and (not self.places or letter.origin in self.places)
        )

    @property
    def takes_all(self) -> bool:
        return self == Selection()


class Plan(NamedTuple):
    """What a replay sends, in the order of the input, and what it leaves and why."""

    # {place of the dead letter: where its record stood}
    chosen: dict[Origin, Origin]
    # {why: how many}
    refused: Counter[str]
    # Chosen, but beyond the limit.
    beyond: int


def read(bootstrap_servers: str, topic: str, selection: Selection) -> Iterator[StoredRecord]:
    """The selected dead letters that stand on the topic now."""
    return filter(selection.takes, records.read_until_now(bootstrap_servers, topic))


def reason_of(letter: StoredRecord) -> str:
    return letter.header(REASON) or NO_REASON


def rounds_of(letter: StoredRecord) -> int:
    """How often the record was replayed before it came here."""
    text = letter.header(REPLAYS)
    return int(text) if text and text.isdigit() else 0


def plan(
    bootstrap_servers: str,
    letters: Iterable[StoredRecord],
    input_topic: str,
    *,
    most_rounds: int,
    new_timestamp: bool,
    limit: int,
) -> Plan:
    """Decides which of the dead letters are sent; sends nothing."""
    refused: Counter[str] = Counter()
    chosen: dict[Origin, Origin] = {}
    retention_ms = records.retention_ms(bootstrap_servers, input_topic)
    oldest_ms = 0 if new_timestamp or retention_ms is None else time.time() * 1000 - retention_ms
    for letter in letters:
        refusal = _refusal(letter, input_topic, most_rounds, oldest_ms)
        if refusal:
            refused[refusal] += 1
        else:
            chosen[letter.origin] = origin_of_dead_letter(letter)
    for place in _replayed(bootstrap_servers, input_topic, chosen):
        if chosen.pop(place, None):
            refused["replayed already"] += 1
    in_order = sorted(chosen.items(), key=lambda each: each[1])
    return Plan(dict(in_order[:limit]), refused, max(0, len(in_order) - limit))


def replay(
    bootstrap_servers: str, topic: str, planned: Plan, *, new_timestamp: bool
) -> list[Acknowledged]:
    """Sends what was planned into the input; returns the acknowledgements, in that order."""
    if not planned.chosen:
        return []
    starts = _smallest_offsets(planned.chosen)
    letters = {
        letter.origin: letter
        for letter in records.read_until_now(bootstrap_servers, topic, starts)
        if letter.origin in planned.chosen
    }
    # What the topic's retention took between plan and replay is not there any more.
    to_send = [replayed(letters[place]) for place in planned.chosen if place in letters]
    if new_timestamp:
        to_send = [dataclasses.replace(record, timestamp_ms=None) for record in to_send]
    input_topic = next(iter(planned.chosen.values())).topic
    return records.send(bootstrap_servers, input_topic, to_send)


def replayed(letter: StoredRecord) -> Record:
    """The record as it was, to the partition where it stood, with the marks of this round."""
    marks = (
        (REPLAYS, str(rounds_of(letter) + 1).encode()),
        (REPLAY_OF, str(letter.origin).encode()),
    )
    own = tuple(
        (name, value)
        for name, value in letter.headers
        if not name.startswith(ERRORS) and name not in (REPLAYS, REPLAY_OF)
    )
    return Record(
        letter.key,
        letter.value,
        own + marks,
        letter.timestamp_ms,
        origin_of_dead_letter(letter).partition,
    )


def _refusal(
    letter: StoredRecord, input_topic: str, most_rounds: int, oldest_ms: float
) -> str | None:
    """Why the dead letter cannot be sent, or None."""
    origin = origin_of_dead_letter(letter)
    if origin is None:
        return "no record of the input: a key's state, or not written by this job"
    if origin.topic != input_topic:
        return f"from the topic {origin.topic}, not from {input_topic}"
    if letter.header(TRUNCATED) is not None:
        return "the value is not there: it was too large for the dead-letter topic"
    if rounds_of(letter) >= most_rounds:
        return f"replayed {rounds_of(letter)} times, and dead again"
    if letter.timestamp_ms is not None and letter.timestamp_ms < oldest_ms:
        return f"older than {input_topic} keeps its records; see --new-timestamp"
    return None


def _replayed(
    bootstrap_servers: str, input_topic: str, chosen: dict[Origin, Origin]
) -> Iterator[Origin]:
    """The dead letters whose record stands in the input once more.

    It stands behind the one that died, in the same partition.
    """
    starts = _smallest_offsets(chosen.values())
    if starts:
        for record in records.read_until_now(bootstrap_servers, input_topic, starts):
            place = record.header(REPLAY_OF)
            if place:
                yield Origin.parse(place)


def _smallest_offsets(places: Iterable[Origin]) -> dict[int, int]:
    """{partition: offset}"""
    smallest: dict[int, int] = {}
    for place in places:
        smallest[place.partition] = min(place.offset, smallest.get(place.partition, place.offset))
    return smallest
