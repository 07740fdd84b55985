"""The README's simple test, and a load, on a real cluster of each Java version."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from rig import checks, job, ledger, load, parts, records
from rig.broker import Broker
from rig.flink.cluster import Cluster
from rig.java import homes
from rig.run import Run, end_as_by_ctrl_c

PARTITIONS = 12
RECORDS = 5_000
PATIENCE_S = 60
# Session id, number in the session, lifetime in minutes of the README's four records.
WANTED = (
    ("u21_1734144000000", 1, 180),
    ("u21_1734144000000", 2, 180),
    ("k2_1734144000000", 1, 30),
    ("u22_1734144000000", 1, 180),
)

console = Console(highlight=False)


class WrongError(Exception):
    """The cluster runs, and what came out is not what should have."""


def main() -> int:
    options = _parser().parse_args()
    end_as_by_ctrl_c()
    problems = checks.missing_tools()
    if problems:
        sys.stderr.write(checks.sentence(problems))
        return 2
    outcomes = [(version, *_outcome(version)) for version in options.versions or homes.VERSIONS]
    table = Table(title="The simple test on other Javas", box=box.SIMPLE)
    for column in ("Java", "outcome", "what ran"):
        table.add_column(column)
    for version, outcome, told in outcomes:
        table.add_row(str(version), outcome, told)
    console.print(table)
    return 1 if any("FAILED" in outcome for _, outcome, _ in outcomes) else 0


def _outcome(version: int) -> tuple[str, str]:
    console.rule(f"Java {version}")
    began = time.monotonic()
    try:
        home = homes.home(version, console.print)
    except homes.Unavailable as reason:
        console.print(f"[yellow]SKIPPED[/] Java {version}: {reason}")
        return "[yellow]SKIPPED", str(reason).splitlines()[0]
    try:
        told = _run(home)
    except WrongError as error:
        return "[red]FAILED", str(error)
    return "[green]passed", f"{told}, {time.monotonic() - began:.0f} s"


def _run(home: Path) -> str:
    run = Run("java")
    before = os.environ.get("JAVA_HOME")
    with run.alone():
        run.create()
        try:
            if job.stale():
                job.build(run.folder / "logs" / "build.log")
            broker = Broker(run.folder, run.processes)
            broker.launch()
            broker.wait()
            # The broker keeps this machine's Java; the cluster and its client get the other one.
            os.environ["JAVA_HOME"] = str(home)
            told = _on_a_cluster(run, broker)
        finally:
            _restore("JAVA_HOME", before)
            run.stop()
        run.remove()
    return told


def _on_a_cluster(run: Run, broker: Broker) -> str:
    cluster = Cluster(
        run.folder,
        run.processes,
        slots=2,
        task_manager_memory="1400m",
        checkpoint_interval="2s",
    )
    cluster.launch()
    cluster.wait()
    records.create_topics(broker.bootstrap_servers, {job.INPUT: PARTITIONS, job.OUTPUT: PARTITIONS})
    job_id = cluster.submit("--bootstrap-servers", broker.bootstrap_servers, parallelism=2)
    cluster.rest.wait_for_state(job_id, "RUNNING")
    sent = records.send(broker.bootstrap_servers, job.INPUT, load.simple_test())
    _check_the_four(_keep(broker, sent), sent)
    generated = [each.record for each in load.generated(RECORDS, seed=8)]
    half = len(generated) // 2
    sent += records.send(broker.bootstrap_servers, job.INPUT, generated[:half])
    # The state is written, and read again: sessions go on in the second half.
    cluster.rest.wait_for_checkpoint(job_id)
    savepoint = cluster.stop_with_savepoint(job_id)
    job_id = cluster.submit(
        "--bootstrap-servers",
        broker.bootstrap_servers,
        from_savepoint=savepoint,
        parallelism=2,
    )
    cluster.rest.wait_for_state(job_id, "RUNNING")
    sent += records.send(broker.bootstrap_servers, job.INPUT, generated[half:])
    account = _keep(broker, sent)
    if not ledger.show(account, console):
        raise WrongError("the ledger does not balance")
    if cluster.rest.restarts(job_id):
        raise WrongError("the job restarted")
    return f"{_version_of_the_cluster()}: {len(sent):,} records, a savepoint, ledger PASS"


def _check_the_four(account: ledger.Account, sent: list[records.Acknowledged]) -> None:
    labels = [json.loads(account.out[each.origin][-1].value) for each in sent]
    found = tuple(
        (
            label["session_id"],
            label["seq_in_session"],
            (label["session_expire_at"] - label["session_last_ts"]) // 60_000,
        )
        for label in labels
    )
    if found != WANTED:
        raise WrongError(f"the README's four records came out as {found}")


def _keep(broker: Broker, sent: list[records.Acknowledged]) -> ledger.Account:
    return ledger.keep(broker.bootstrap_servers, acknowledged=sent, patience_s=PATIENCE_S)


def _version_of_the_cluster() -> str:
    answer = subprocess.run([checks.java(), "-version"], capture_output=True, text=True)
    found = re.search(r'version "([^"]+)"', answer.stderr)
    return f"Java {found[1]}, Flink {parts.FLINK_VERSION}" if found else "no version"


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/test-java",
        description=__doc__,
        epilog="Java 8 needs root and debootstrap, or JAVA_8_HOME; it is skipped loudly without.",
    )
    told = ", ".join(map(str, homes.VERSIONS))
    parser.add_argument(
        "versions", nargs="*", type=_known, metavar="VERSION", help=f"{told}; default: all"
    )
    return parser


def _known(text: str) -> int:
    if text not in map(str, homes.VERSIONS):
        raise argparse.ArgumentTypeError(f"no version {text}; there are {homes.VERSIONS}")
    return int(text)
