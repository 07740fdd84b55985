"""The table of faults: each registers itself with what is expected of the job."""

from __future__ import annotations

import dataclasses
from typing import Callable, Optional

from rig.faults.trial import Trial
from rig.ledger import Account

AT_LEAST_ONCE, EXACTLY_ONCE = "at-least-once", "exactly-once"
BOTH = (AT_LEAST_ONCE, EXACTLY_ONCE)

OUTCOMES = {
    "a": "balances by itself",
    "b": "the job says what is wrong, and a named procedure makes it balance",
    "c": "a loss that cannot be avoided, of the number that the job reports",
}

# Does the fault; returns the ledger where it has kept it, with all that was sent.
Inflict = Callable[[Trial], Optional[Account]]


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    # What is done to the job.
    what: str
    # One of OUTCOMES.
    expected: str
    inflict: Inflict
    deliveries: tuple[str, ...]
    # For (b): what a person does; for (c): where the number stands.
    remedy: str
    count: int
    # Flink's settings of the whole cluster, where the fault needs others than the rig's.
    settings: dict[str, str]
    # Part of the ten minutes that run in the test command.
    ci: bool


FAULTS: dict[str, Fault] = {}


def fault(
    what: str,
    *,
    expected: str = "a",
    deliveries: tuple[str, ...] = (AT_LEAST_ONCE,),
    remedy: str = "",
    count: int = 200_000,
    settings: dict[str, str] | None = None,
    ci: bool = False,
) -> Callable[[Inflict], Inflict]:
    """Registers a function as the fault of its name."""

    def register(inflict: Inflict) -> Inflict:
        name = inflict.__name__.replace("_", "-")
        FAULTS[name] = Fault(
            name, what, expected, inflict, deliveries, remedy, count, settings or {}, ci
        )
        return inflict

    return register
