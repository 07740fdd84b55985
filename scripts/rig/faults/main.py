"""The command line of the faults: which to do, one after the other, and what came of them."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rig import checks, job, layout, ledger
from rig.faults import (  # noqa: F401 (they register)
    of_flink,
    of_input,
    of_kafka,
    of_restarts,
    of_state,
    results,
)
from rig.faults.catalogue import FAULTS, Fault
from rig.faults.stage import Stage
from rig.faults.trial import PATIENCE_S, Trial
from rig.history import History
from rig.run import BusyError, Run

# Of each fault in the test command, which has ten minutes for all of them.
CI_RECORDS = 50_000
# For a fault that loses records: they never come.
LOSS_PATIENCE_S = 30
FREE_MEMORY_GIB = 6
FREE_DISK_GIB = 5

# Wide enough for the table, also where the output goes into a file.
console = Console(width=max(Console().width, 130))


def main() -> int:
    options = _parser().parse_args()
    if options.list:
        return _list()
    if options.table:
        missing = results.write_table()
        console.print(f"{results.TABLE.relative_to(layout.PROJECT)} written")
        for each in missing:
            console.print(f"no result of {each}", markup=False)
        return 1 if missing else 0
    chosen = _chosen(options)
    if not chosen:
        print("Name faults, or say --all or --ci; scripts/faults --list shows them")
        return 2
    problems = checks.missing_tools() + checks.short_space(
        layout.PROJECT, FREE_MEMORY_GIB, FREE_DISK_GIB
    )
    if problems:
        sys.stderr.write(checks.sentence(problems))
        return 2
    # A killed run must stop its processes too, so it ends as an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = Run(options.run)
    try:
        with run.alone():
            return _do_all(run, chosen, options.records or (CI_RECORDS if options.ci else None))
    except KeyboardInterrupt:
        return 130
    except BusyError as error:
        print(error, file=sys.stderr)
        return 2


def _do_all(run: Run, chosen: list[tuple[Fault, str]], count: int | None) -> int:
    run.create()
    if job.stale():
        job.build(run.folder / "logs" / "build.log")
    done = []
    stage = None
    try:
        for fault, delivery in chosen:
            # What a fault left broken, or needs set otherwise, costs a new stage.
            if stage is not None and not (stage.settings == fault.settings and stage.whole()):
                stage.stop()
                stage = None
            if stage is None:
                stage = Stage.started(run, fault.settings)
            done.append(_do(stage, fault, delivery, count))
    finally:
        if stage is not None:
            stage.stop()
    _show(done)
    passed = not any(each["failure"] for each in done)
    if passed:
        run.remove()
    else:
        console.print(f"logs: {run.folder / 'logs'}")
    return 0 if passed else 1


def _do(stage: Stage, fault: Fault, delivery: str, count: int | None) -> dict:
    console.rule(f"{fault.name}, {delivery}")
    console.print(f"{fault.what}; expected: {fault.expected}", markup=False, highlight=False)
    history = History(stage.run.folder / "logs" / f"history-{fault.name}-{delivery}.jsonl")
    history.note(event="fault begins", fault=fault.name, delivery=delivery)
    began = time.monotonic()
    trial = Trial(stage, fault.name, delivery, count or fault.count, history)
    try:
        account, failure = inflict(fault, trial)
    finally:
        try:
            trial.end()
        except Exception:
            traceback.print_exc()
            stage.broken = True
    if account is not None:
        ledger.show(account, console)
    result = results.of(fault, trial, account, failure, time.monotonic() - began)
    results.keep(result)
    history.note(event="fault ends", **result)
    _show([result])
    return result


def inflict(fault: Fault, trial: Trial) -> tuple[ledger.Account | None, str]:
    """Does the fault and keeps the ledger, also where the fault did not go as it should have.

    Returns the ledger, where it could be kept, and what was not as expected; empty where all was.
    """
    account, failures = None, []
    try:
        account = fault.inflict(trial)
    except Exception as error:
        traceback.print_exc()
        failures.append(f"{type(error).__name__}: {error}")
    try:
        if account is None:
            account = trial.account(LOSS_PATIENCE_S if fault.expected == "c" else PATIENCE_S)
        failures.append(_judge(fault, trial, account))
    except Exception as error:
        traceback.print_exc()
        failures.append(f"no ledger: {type(error).__name__}: {error}")
    return account, "; ".join(filter(None, failures))


def _judge(fault: Fault, trial: Trial, account: ledger.Account) -> str:
    """What is not as it was expected; empty where all is."""
    differences = account.differences()
    if fault.expected == "c":
        missing = len(differences.pop("missing", []))
        # A session that lost events is still counted by the core, so its numbers have a gap.
        differences.pop("sessions not counted 1 to n", None)
        differences.pop("close records that disagree", None)
        if trial.reported != missing:
            return f"{missing} records are missing, the job reported {trial.reported}"
        if missing == 0:
            return "nothing was lost, so nothing was tried"
    if differences:
        return ", ".join(f"{len(found)} {kind}" for kind, found in differences.items())
    return ""


def _chosen(options: argparse.Namespace) -> list[tuple[Fault, str]]:
    if options.all:
        faults = list(FAULTS.values())
    elif options.ci:
        # Both guarantees go the same way; the nightly run has both.
        return [(each, each.deliveries[0]) for each in FAULTS.values() if each.ci]
    else:
        faults = [FAULTS[name] for name in options.faults]
    # Faults that share a stage come together, so that it is started once.
    faults.sort(key=lambda each: sorted(each.settings.items()))
    return [
        (fault, delivery)
        for fault in faults
        for delivery in fault.deliveries
        if options.delivery in (None, delivery)
    ]


def _show(done: list[dict]) -> None:
    table = Table(title="Faults", box=box.SIMPLE)
    for column in ("fault", "delivery"):
        table.add_column(column, no_wrap=True)
    for column in ("records", "missing", "invented", "repeats", "recovery", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("outcome")
    for each in done:
        recovery = each["recovery_s"]
        table.add_row(
            each["fault"],
            each["delivery"],
            *(
                f"{each[name]:,}" if name in each else ""
                for name in ("records", "missing", "invented", "repeats")
            ),
            "" if recovery is None else f"{recovery:.1f}",
            str(each["seconds"]),
            f"[red]FAIL: {escape(each['failure'][:200])}" if each["failure"] else "[green]PASS",
        )
    console.print(table)


def _list() -> int:
    for fault in FAULTS.values():
        ci = ", in --ci" if fault.ci else ""
        console.print(f"[bold]{fault.name}[/]: {fault.what}", highlight=False)
        console.print(f"    ({fault.expected}) {', '.join(fault.deliveries)}{ci}", highlight=False)
        if fault.remedy:
            console.print(f"    {fault.remedy}", highlight=False, markup=False)
    console.print(results.explanation(), highlight=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/faults",
        description="Does faults to the job on a real broker and cluster, and keeps the ledger. "
        "Each result is kept, so that the table can be made piece by piece.",
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", type=_known)
    parser.add_argument("--list", action="store_true", help="show the faults")
    parser.add_argument("--all", action="store_true", help="do all of them; takes an hour")
    parser.add_argument("--ci", action="store_true", help="do those of the test command")
    parser.add_argument("--table", action="store_true", help="write the kept results into the docs")
    parser.add_argument("--delivery", choices=("at-least-once", "exactly-once"), help="only this")
    parser.add_argument("--records", type=int, help="of each fault; default: the fault's own")
    parser.add_argument(
        "--run", default="faults", metavar="NAME", help="the run's folder; two may run at once"
    )
    return parser


def _known(name: str) -> str:
    if name not in FAULTS:
        raise argparse.ArgumentTypeError(f"no fault {name}; scripts/faults --list shows them")
    return name
