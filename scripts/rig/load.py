"""Records to try the job with: the README's four, and a generated load with known outcomes."""

from __future__ import annotations

import json
import random
from typing import NamedTuple

from rig.records import Record

# 2024-12-14 11:40 in Seoul, where the README's records lie.
START_MS = 1734144000000
YEAR_2100_MS = 4102444800000
# Within the job's default --out-of-orderness.
DISORDER_MS = 4_000
BAD_SHARE = 0.01
EVENTS_PER_USER = 40

SIMPLE_TEST = (
    b'{"uid":"u21","access_type":"mobile","log_name":"CIN","in_time":"100","out_time":"",'
    b'"ip":"192.168.0.5","ts":1734144000000}',
    b'{"uid":"u21","access_type":"mobile","log_name":"CLICK","in_time":"150","out_time":"",'
    b'"ip":"192.168.0.5","ts":1734144000500}',
    b'{"uid":"k2","access_type":"mobile","log_name":"COUT","in_time":"105","out_time":"",'
    b'"ip":"192.168.0.1","ts":1734144000000}',
    b'{"uid":"u22","access_type":"mobile","log_name":"CIN","in_time":"100","out_time":"",'
    b'"ip":"192.168.0.1","ts":1734144000000}',
)


class Expected(NamedTuple):
    """A record to send and what becomes of it: the reason of its dead letter, or None."""

    record: Record
    reason: str | None


def keyed_by_user(value: bytes) -> Record:
    """A record whose Kafka key is its user, as a producer must send it to keep a user's order."""
    return Record(key=str(json.loads(value)["uid"]).encode(), value=value)


def simple_test() -> list[Record]:
    return [keyed_by_user(value) for value in SIMPLE_TEST]


def generated(
    count: int,
    seed: int,
    *,
    skew: float = 1,
    hot_share: float = 0,
    bad_share: float = BAD_SHARE,
    users: str = "user",
    start_ms: int = START_MS,
) -> list[Expected]:
    """Many users' events, out of order within bounds, and a few bad records of several reasons.

    A `skew` above 1 gives the first users more than the others; `hot_share` is the share of the
    first one beside that.
    """
    chance = random.Random(seed)
    names = [f"{users}-{number}" for number in range(max(1, count // EVENTS_PER_USER))]
    load = []
    at_ms = start_ms
    for _ in range(count):
        # A user's events are half an hour apart on average, so that sessions go on and end.
        at_ms += round(chance.expovariate(len(names) / 1_800_000))
        user = _pick(names, chance, skew, hot_share)
        event = {
            "uid": user,
            "access_type": chance.choice(("mobile", "pc")),
            "log_name": chance.choices(("CLICK", "VISIT", "CIN", "COUT"), (70, 15, 10, 5))[0],
            "in_time": str(chance.randrange(1000)),
            "out_time": "",
            "ip": f"192.168.{chance.randrange(256)}.{chance.randrange(1, 255)}",
            "ts": at_ms - chance.randrange(DISORDER_MS),
        }
        value, reason = _text(event), None
        if chance.random() < bad_share:
            reason, value = chance.choice(_spoilt(event))
        load.append(Expected(Record(user.encode(), value), reason))
    return load


def _pick(users: list[str], chance: random.Random, skew: float, hot_share: float) -> str:
    if hot_share and chance.random() < hot_share:
        return users[0]
    if skew == 1:
        return chance.choice(users)
    return users[int(len(users) * chance.random() ** skew)]


def _spoilt(event: dict) -> list[tuple[str, bytes | None]]:
    """The event as a bad record of each kind, with the reason of its dead letter."""
    return [
        ("null_value", None),
        ("invalid_json", _text(event)[:-1]),
        ("not_an_object", _text([event])),
        # Whatever field the rules take for the key.
        ("missing_key", _text({name: event[name] for name in ("log_name", "ts")})),
        ("missing_log_name", _text({**event, "log_name": None})),
        ("missing_ts", _text({name: event[name] for name in event if name != "ts"})),
        ("invalid_ts", _text({**event, "ts": event["ts"] // 1000})),
        ("future_ts", _text({**event, "ts": YEAR_2100_MS})),
    ]


def _text(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
