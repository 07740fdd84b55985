"""The demo: a broker, a Flink cluster and the job on this machine, and a load with its ledger."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from confluent_kafka import KafkaException
from rich import box
from rich.console import Console
from rich.table import Table

from rig import checks, incidents, job, layout, ledger, load, parts, records, rules_at_work
from rig.broker import Broker
from rig.clock import time_of_day
from rig.demo_setup import PARTITIONS, SLOTS, Demo
from rig.flink.rest import JobError, Rest, RestError
from rig.job import INPUT, OUTPUT
from rig.ledger import Account
from rig.processes import ProcessError
from rig.run import BusyError, Run, end_as_by_ctrl_c
from rig.steps import Steps

# The outcome of a record that is no dead letter.
LABELLED = "labelled"
FREE_MEMORY_GIB = 3.5
FREE_DISK_GIB = 3
# What ends a command with one sentence; anything else is a bug and shows its stack.
FAILURES = (
    BusyError,
    JobError,
    KafkaException,
    ProcessError,
    RestError,
    job.BuildError,
    parts.PartError,
)

console = Console()


def main() -> int:
    options = _parser().parse_args()
    end_as_by_ctrl_c()
    try:
        return options.command(options)
    except KeyboardInterrupt:
        return 130
    except FAILURES as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1


def up(options: argparse.Namespace) -> int:
    run = Run("demo")
    with run.alone():
        if run.processes.alive():
            console.print("The demo is up already; `scripts/demo down` stops it.")
            return status(options)
        problems = _problems(options)
        if problems:
            sys.stderr.write(checks.sentence(problems))
            return 2
        run.create()
        with _all_or_nothing(run):
            return _start_and_try(run, options)


def down(_: argparse.Namespace) -> int:
    run = Run("demo")
    with run.alone():
        stopped = len(run.processes.alive())
        run.remove()
    console.print(f"The demo is down: {stopped} processes stopped, its folder deleted.")
    return 0


def status(_: argparse.Namespace) -> int:
    """Shows what runs; returns 0 where all of it does."""
    run = Run("demo")
    table = Table(title=f"Demo in {run.folder.relative_to(layout.PROJECT)}", box=box.SIMPLE)
    table.add_column("part")
    table.add_column("state")
    known = run.processes.known()
    well = bool(known)
    for process in known:
        table.add_row(process.name, f"runs, pid {process.pid}" if process.alive() else "[red]ended")
        well &= process.alive()
    try:
        facts = json.loads((run.folder / "demo.json").read_text())
        rest, job_id = Rest(facts["web_port"]), facts["job_id"]
        state = rest.job(job_id)["state"]
        completed = rest.checkpoints(job_id)["counts"]["completed"]
        table.add_row(
            f"job {job_id}",
            f"{state}, {rest.restarts(job_id)} restarts, {completed} checkpoints",
        )
        table.add_row("web UI", rest.url)
        table.add_row("Kafka", f"localhost:{facts['broker_port']}")
        well &= state == "RUNNING"
    except (FileNotFoundError, requests.ConnectionError, RestError):
        table.add_row("job", "[red]not there")
        well = False
    console.print(table if known else "The demo is not up.")
    return 0 if well else 1


def _start_and_try(run: Run, options: argparse.Namespace) -> int:
    began = time.monotonic()
    with Steps(console) as steps:
        with steps.step(f"Flink {parts.FLINK_VERSION}") as say:
            say(str(parts.flink_home(say)))
        with steps.step(f"Kafka {parts.KAFKA_VERSION}") as say:
            say(str(parts.kafka_jars(say)))
        with steps.step("The job's jar") as say:
            if job.stale():
                log = run.folder / "logs" / "build.log"
                say(f"mvn -U -DskipTests package (log: {log})")
                job.build(log)
            say(str(layout.JAR.relative_to(layout.PROJECT)))
        demo = Demo(run, options.broker_port, options.web_port)
        broker, cluster = demo.broker, demo.cluster
        with steps.step("Broker and cluster") as say:
            broker.launch()
            cluster.launch()
            broker.wait()
            say(f"broker on {broker.bootstrap_servers}")
            cluster.wait()
            say(f"broker on {broker.bootstrap_servers}, web UI on {cluster.rest.url}")
        with steps.step("Topics") as say:
            records.create_topics(broker.bootstrap_servers, {INPUT: PARTITIONS, OUTPUT: PARTITIONS})
            say(f"{INPUT}, {OUTPUT}, {PARTITIONS} partitions each")
        with steps.step("The job") as say:
            if options.rules:
                demo.arguments = ["--rules", str(options.rules.absolute())]
            demo.parallelism = options.parallelism
            demo.take(layout.JAR)
            demo.submit()
            say(f"{demo.job_id}, parallelism {demo.parallelism}")
        with steps.step("The README's four records") as say:
            sent = _send(run, broker, load.simple_test())
            simple_test = demo.keep(sent)
            say(f"{len(simple_test.out)} came out")
        story: list[records.Acknowledged] = []
        if options.rules:
            with steps.step("The rules") as say:
                story = _send(run, broker, rules_at_work.story())
                sent += story
                say(f"{options.rules}, {len(story)} records to show them")
        with steps.step("A generated load") as say:
            expected = load.generated(options.records, options.seed)
            loaded = _send(run, broker, [each.record for each in expected])
            sent += loaded
            say(f"{options.records:,} records sent, seed {options.seed}")
            account = demo.keep(sent)
    _show_simple_test(simple_test)
    if options.rules:
        console.print(rules_at_work.table(options.rules.name, story, account))
    as_expected = _show_outcomes(expected, account, [each.origin for each in loaded])
    holds = ledger.show(account, console)
    if not as_expected:
        console.print("[red]FAIL[/]: the load's outcomes are not the expected ones")
    console.print(f"Up after {time.monotonic() - began:.0f} s. Web UI: {cluster.rest.url}")
    console.print(f"Kafka: {broker.bootstrap_servers}. Stop all with: scripts/demo down")
    return 0 if holds and as_expected else 1


def _problems(options: argparse.Namespace) -> list[str]:
    ports = {"--broker-port": options.broker_port, "--web-port": options.web_port}
    rules = options.rules
    no_rules = (
        [f"the rules file {rules}, which is not there"] if rules and not rules.is_file() else []
    )
    return (
        checks.missing_tools()
        + no_rules
        + checks.taken_ports(ports)
        + checks.short_space(layout.PROJECT, FREE_MEMORY_GIB, FREE_DISK_GIB)
    )


@contextlib.contextmanager
def _all_or_nothing(run: Run) -> Iterator[None]:
    """What does not come up whole goes down: without a trace if interrupted, else leaving logs."""
    try:
        yield
    except KeyboardInterrupt:
        console.print("Interrupted: stopping what was started.")
        run.remove()
        raise
    except BaseException:
        run.stop()
        print(f"What was started is stopped; its logs: {run.folder / 'logs'}", file=sys.stderr)
        raise


def _send(run: Run, broker: Broker, to_send: list[records.Record]) -> list[records.Acknowledged]:
    sent = records.send(broker.bootstrap_servers, INPUT, to_send)
    # For `scripts/ledger --acknowledged`.
    records.write_acknowledged(run.folder / "acknowledged.jsonl", sent)
    return sent


def _show_simple_test(account: Account) -> None:
    """The outputs as the console consumer would print them, then as a table."""
    values = [
        account.out[origin][-1].value for origin in account.records_in if origin in account.out
    ]
    for value in values:
        console.print(value.decode(), markup=False, highlight=False, soft_wrap=True)
    table = Table(title="The README's four records, as they came out", box=box.SIMPLE)
    for column in ("session_id", "start", "last", "expires", "seq"):
        table.add_column(column, no_wrap=True)
    for label in map(json.loads, values):
        times = (label[f"session_{name}"] for name in ("start_ts", "last_ts", "expire_at"))
        table.add_row(
            label["session_id"],
            *(time_of_day(at_ms) for at_ms in times),
            str(label["seq_in_session"]),
        )
    console.print(table)


def _show_outcomes(
    expected: list[load.Expected], account: Account, origins: list[records.Origin]
) -> bool:
    """The load's outcomes, counted; returns whether each record had the one it should have."""
    came = [_outcome(account, origin) for origin in origins]
    should = [each.reason or LABELLED for each in expected]
    table = Table(title="The generated load, by outcome", box=box.SIMPLE)
    table.add_column("outcome")
    table.add_column("expected", justify="right")
    table.add_column("came", justify="right")
    for outcome in sorted({*should, *came}):
        mark = "" if should.count(outcome) == came.count(outcome) else "[red]"
        table.add_row(outcome, f"{should.count(outcome):,}", f"{mark}{came.count(outcome):,}")
    console.print(table)
    return came == should


def _outcome(account: Account, origin: records.Origin) -> str:
    if origin in account.dead:
        return account.dead[origin][-1].header(ledger.REASON) or "no reason"
    return LABELLED if origin in account.out else "nothing"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser("up", help="start all, send records, show what came out")
    command.add_argument("--broker-port", type=int, default=9092, help="default: %(default)s")
    command.add_argument("--web-port", type=int, default=8081, help="default: %(default)s")
    command.add_argument("--records", type=int, default=20_000, help="default: %(default)s")
    command.add_argument("--seed", type=int, default=1, help="of the load; default: %(default)s")
    command.add_argument(
        "--parallelism", type=int, default=2, choices=range(1, SLOTS + 1), help="default: 2"
    )
    command.add_argument(
        "--rules",
        type=Path,
        metavar="FILE",
        help="other rules, as examples/rules.json; shows what they make of six records",
    )
    command.set_defaults(command=up)
    commands.add_parser("down", help="stop all, delete its data").set_defaults(command=down)
    commands.add_parser("status", help="show what runs").set_defaults(command=status)
    incidents.add_commands(commands)
    return parser
