"""The results of all faults that were ever done here, and the table of them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from rig import layout
from rig.faults.catalogue import FAULTS, OUTCOMES, Fault
from rig.faults.trial import Trial
from rig.ledger import DIFFERING_REPEATS, Account

KEPT = layout.RUNS / "faults-results.jsonl"
TABLE = layout.PROJECT / "docs" / "faults.md"
BEGIN, END = "<!-- table: scripts/faults --table -->", "<!-- end of the table -->"


def of(fault: Fault, trial: Trial, account: Account | None, failure: str, seconds: float) -> dict:
    """A result as it is kept."""
    result = {
        "fault": fault.name,
        "delivery": trial.delivery,
        "planned": trial.count,
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "recovery_s": None if trial.recovery_s is None else round(trial.recovery_s, 1),
        "reported": trial.reported,
        "notes": trial.notes,
        "failure": failure,
    }
    if account is not None:
        differences = {kind: len(found) for kind, found in account.differences().items()}
        result.update(
            records=len(account.records_in),
            out=len(account.out),
            dead_letters=len(account.dead),
            closed=len(account.closed),
            missing=differences.get("missing", 0),
            invented=differences.get("invented", 0),
            repeats=sum(len(copies) - 1 for copies in account.out.values()),
            repeated_dead_letters=sum(len(copies) - 1 for copies in account.dead.values()),
            differing_repeats=account.counts()[DIFFERING_REPEATS],
            differences=differences,
        )
    return result


def keep(result: dict) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a") as lines:
        lines.write(json.dumps(result) + "\n")


def newest() -> dict[tuple[str, str], dict]:
    """The newest result of each fault and delivery guarantee, of those with all its records."""
    if not KEPT.exists():
        return {}
    results = [json.loads(line) for line in KEPT.read_text().splitlines()]
    return {
        (each["fault"], each["delivery"]): each
        for each in results
        if each["fault"] in FAULTS and each.get("planned", 0) >= FAULTS[each["fault"]].count
    }


def write_table(file: Path = TABLE) -> list[str]:
    """Puts the table into the page in place of the old one; returns what has no result yet.

    What was done elsewhere and stands in the page stays, until there is a newer result here.
    """
    before, _, rest = file.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    rows, missing = [], []
    old, found = _old_rows(table), newest()
    for fault in FAULTS.values():
        for delivery in fault.deliveries:
            result = found.get((fault.name, delivery))
            row = old.get((fault.name, delivery)) if result is None else _row(fault, result)
            if row is None:
                missing.append(f"{fault.name} ({delivery})")
            else:
                rows.append(row)
    head = (
        "| fault | expected | delivery | records | missing | invented | repeats | recovery |"
        " outcome |\n|---|---|---|---:|---:|---:|---:|---:|---|\n"
    )
    file.write_text(f"{before}{BEGIN}\n{head}{''.join(rows)}{END}{after}")
    return missing


def _old_rows(table: str) -> dict[tuple[str, str], str]:
    """The rows of a written table, by fault and delivery guarantee."""
    rows = {}
    for line in table.splitlines(keepends=True):
        if line.startswith("| `"):
            what, _, delivery, *_ = (cell.strip() for cell in line.strip("| \n").split(" | "))
            rows[what.split("`")[1], delivery] = line
    return rows


def _row(fault: Fault, result: dict) -> str:
    recovery = result["recovery_s"]
    outcome = "FAIL: " + result["failure"].splitlines()[0] if result["failure"] else "PASS"
    notes = list(result["notes"])
    if result["reported"] is not None:
        notes.append(f"{result['reported']:,} reported by the job")
    return (
        f"| `{fault.name}`: {fault.what} | {fault.expected} | {result['delivery']} "
        f"| {result.get('records', 0):,} | {result.get('missing', 0):,} "
        f"| {result.get('invented', 0):,} | {result.get('repeats', 0):,} "
        f"| {'' if recovery is None else f'{recovery:.0f} s'} "
        f"| {'; '.join([outcome, *notes])} |\n"
    )


def explanation() -> str:
    return "\n".join(f"({letter}) {meaning}" for letter, meaning in OUTCOMES.items())
