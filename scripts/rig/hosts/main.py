"""Deploys Flink and the job on three hosts and lives through what an operator lives through.

The hosts are network namespaces of this machine, each with its own address, name, processes, files
and sshd. Kafka, ZooKeeper and HDFS are real, the job's files are on HDFS, and there are two
JobManagers. Nothing of it can be seen from outside, and all of it is gone in the end.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from rig import checks, job, layout, parts
from rig.hosts import ansible, world
from rig.run import BusyError, Run, end_as_by_ctrl_c

VERSIONS = tuple(ansible.PYTHONS)
MEMORY_GIB, DISK_GIB = 9, 6

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    options = _parser().parse_args()
    end_as_by_ctrl_c()
    lacking = world.missing()
    if lacking:
        for each in lacking:
            console.print(f"[yellow]SKIPPED[/] the hosts need {each}")
        return 0
    problems = checks.missing_tools()
    problems += checks.short_space(layout.PROJECT, MEMORY_GIB, DISK_GIB)
    if problems:
        sys.stderr.write(checks.sentence(problems))
        return 2
    try:
        outcomes = [(version, *_outcome(version)) for version in options.ansible or VERSIONS]
    except KeyboardInterrupt:
        return 130
    except (BusyError, parts.PartError, job.BuildError) as error:
        console.print(error, markup=False)
        return 2
    table = Table(title="Three hosts, deployed by Ansible", box=box.SIMPLE)
    for column in ("Ansible", "outcome", "what ran"):
        table.add_column(column)
    for outcome in outcomes:
        table.add_row(*outcome)
    console.print(table)
    return 1 if any("FAILED" in outcome for _, outcome, _ in outcomes) else 0


def _outcome(version: str) -> tuple[str, str]:
    console.rule(f"Ansible {version}")
    run = Run(f"deploy-{version}")
    with run.alone():
        run.create()
        try:
            # From here on there is no way to the rest of the world.
            ansible.provide(version, console.print)
            parts.flink_archive(console.print)
            parts.kafka_jars(console.print)
            parts.hadoop_jars(console.print)
            if job.stale():
                console.print("building the jar")
                job.build(run.folder / "logs" / "build.log")
        except ansible.Unavailable as reason:
            console.print(f"[yellow]SKIPPED[/] Ansible {version}: {reason}")
            return "[yellow]SKIPPED", str(reason)
        try:
            code = world.run("rig.hosts.trial", run.name, version)
        finally:
            _keep_logs(run.folder)
        told = run.folder / "outcome"
        text = told.read_text() if told.exists() else "it ended without a word"
        console.print(f"Logs: {run.folder / 'logs'}")
    return ("[green]passed" if code == 0 else "[red]FAILED"), text


def _keep_logs(folder: Path) -> None:
    """Of all that the hosts wrote, Flink's logs and settings stay."""
    for host in sorted((folder / "hosts").glob("*")):
        for wanted in ("var/log/flink", f"opt/flink/flink-{parts.FLINK_VERSION}/conf"):
            if (host / "files" / wanted).is_dir():
                target = folder / "logs" / host.name / Path(wanted).name
                shutil.copytree(host / "files" / wanted, target, dirs_exist_ok=True)
    for part in ("hosts", "kafka", "zookeeper", "hdfs", "jars", "submissions"):
        shutil.rmtree(folder / part, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/test-deploy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="It needs root, iproute2 and openssh-server, and is skipped loudly without.",
    )
    parser.add_argument(
        "--ansible",
        action="append",
        choices=VERSIONS,
        help="may be given more than once; default: each of them",
    )
    return parser
