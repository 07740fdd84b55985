"""A few records that show what rules decide, and the table of what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rich import box
from rich.table import Table

from rig import load
from rig.ledger import REASON, Account
from rig.records import Acknowledged, Record

MINUTE_MS = 60_000
# Before the load, so that its event time does not have to wait.
BEGIN_MS = load.START_MS - 60 * MINUTE_MS
# Minute, user, access type, log name: a check-out between clicks, an event that may ride along,
# and records without a user.
STORY = (
    (0, "visitor", "mobile", "CIN"),
    (10, "visitor", "mobile", "COUT"),
    (20, "visitor", "mobile", "CLICK"),
    (25, "visitor", "mobile", "PUSH"),
    (0, "", "PC", "VISIT"),
    (5, "", "PC", "CLICK"),
)


def story() -> list[Record]:
    return [
        Record(
            b"rules at work",
            json.dumps(
                {
                    "uid": user,
                    "access_type": access_type,
                    "log_name": log_name,
                    "ip": "192.168.0.77",
                    "ts": BEGIN_MS + minute * MINUTE_MS,
                }
            ).encode(),
        )
        for minute, user, access_type, log_name in STORY
    ]


def table(rules: str, sent: Iterable[Acknowledged], account: Account) -> Table:
    """What became of the story by these rules, an event a line."""
    shown = Table(title=f"What {rules} makes of these", box=box.SIMPLE)
    for column in ("user", "log_name", "minute", "session_id", "expires after", "seq"):
        shown.add_column(column, no_wrap=True)
    for (minute, user, access_type, log_name), each in zip(STORY, sent):
        told = (user or f"none, {access_type}", log_name, str(minute))
        shown.add_row(*told, *_outcome(account, each, BEGIN_MS + minute * MINUTE_MS))
    return shown


def _outcome(account: Account, sent: Acknowledged, at_ms: int) -> tuple[str, ...]:
    if sent.origin in account.dead:
        return f"dead letter: {account.dead[sent.origin][-1].header(REASON)}", "", ""
    if sent.origin not in account.out:
        return "nothing came", "", ""
    label = json.loads(account.out[sent.origin][-1].value)
    expires_ms = label["session_expire_at"]
    if expires_ms is None:
        return "no session", "", str(label["seq_in_session"])
    return (
        label["session_id"],
        f"{(expires_ms - at_ms) // MINUTE_MS} min",
        str(label["seq_in_session"]),
    )
