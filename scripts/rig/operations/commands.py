"""Submits the job to a cluster, looks at it, stops, upgrades and rescales it.

The cluster is the one of FLINK_HOME and FLINK_CONF_DIR, as for Flink's own
command line. What was submitted is kept with a copy of its jar, so that every
step can be taken back.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

import requests
from rich import box
from rich.console import Console
from rich.table import Table

from rig import layout, parts
from rig.flink.rest import ENDED, JobError, RestError
from rig.operations import health, state
from rig.operations.site import Site, SiteError
from rig.operations.submissions import (
    Submission,
    SubmissionError,
    Submissions,
    Submitted,
    default_home,
)
from rig.run import end_as_by_ctrl_c

DEFAULT_NAME = "mobile-pc-session"
FAILURES = (
    JobError,
    RestError,
    SiteError,
    SubmissionError,
    parts.PartError,
    requests.RequestException,
    state.StateError,
)

console = Console(highlight=False, soft_wrap=True)


class RefusedError(Exception):
    """What was asked for would do harm; the text says what to do instead."""


def main() -> int:
    # An upgrade that is told to end goes back to the old job first.
    end_as_by_ctrl_c()
    parser = _parser()
    words = sys.argv[1:]
    # argparse would take some of the job's options for its own.
    split = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:split])
    options.job_options = words[split + 1 :]
    if options.job_options and options.command not in (submit, upgrade):
        parser.error("only submit and upgrade take options of the job, behind --")
    try:
        return options.command(options)
    except KeyboardInterrupt:
        return 130
    except RefusedError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 2
    except FAILURES as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1


def submit(options: argparse.Namespace) -> int:
    site = Site(options.jobmanager)
    site.check()
    submission = Submission(str(options.jar.absolute()), options.job_options, options.parallelism)
    name = submission.job_name()
    submissions = Submissions(options.home, name)
    for job in site.rest.named(name):
        if job["state"] not in ENDED:
            raise RefusedError(
                f"{name} is there already: job {job['jid']} is {job['state']}. Two copies would"
                " label each record twice; `scripts/job upgrade` puts another one in its place"
            )
    start = _state_to_start_from(options, site, submissions, name)
    site.try_out(submission)
    if options.dry_run:
        return _would(shlex.join(site.command(submission, start)))
    _submit(site, submissions, submissions.keep_jar(submission), start, options.patience)
    return 0


def status(options: argparse.Namespace) -> int:
    site = Site(options.jobmanager)
    job = _the_job(site, options.name, running=False)
    if options.dry_run:
        return _would(f"ask {site.url} about job {job['jid']}")
    table = Table(box=box.SIMPLE, show_header=False)
    found = health.lines(site, job["jid"])
    for line in found:
        table.add_row(line.name, line.value if line.well else f"[yellow]{line.value}")
    console.print(table)
    return 0 if job["state"] == "RUNNING" else 1


def stop(options: argparse.Namespace) -> int:
    site = Site(options.jobmanager)
    job = _the_job(site, options.name)
    if options.dry_run:
        return _would(f"stop job {job['jid']} with a savepoint")
    _stop(site, Submissions(options.home, options.name), job["jid"], options.patience)
    return 0


def upgrade(options: argparse.Namespace) -> int:
    site = Site(options.jobmanager)
    job, old = _the_submitted(site, options)
    new = old.changed(jar=str(options.jar.absolute()), arguments=options.job_options or None)
    if new.job_name() != options.name:
        raise RefusedError(f"the new options call the job {new.job_name()}, not {options.name}")
    return _replace(options, site, job, old, new)


def rescale(options: argparse.Namespace) -> int:
    site = Site(options.jobmanager)
    job, old = _the_submitted(site, options)
    return _replace(options, site, job, old, old.changed(parallelism=options.parallelism))


def _replace(
    options: argparse.Namespace, site: Site, job: dict, old: Submission, new: Submission
) -> int:
    """Stops the old job with a savepoint and starts the new one from it, or the old one again."""
    submissions = Submissions(options.home, options.name)
    site.try_out(new)
    if options.dry_run:
        return _would(
            f"stop job {job['jid']} with a savepoint",
            shlex.join(site.command(new, "SAVEPOINT")),
            "wait until it runs and has completed a checkpoint; if it does not:",
            shlex.join(site.command(old, "SAVEPOINT")),
        )
    new = submissions.keep_jar(new)
    savepoint = _stop(site, submissions, job["jid"], options.patience)
    try:
        _submit(site, submissions, new, savepoint, options.patience)
        return 0
    except (KeyboardInterrupt, *FAILURES) as error:
        print(f"The new job does not hold: {error}", file=sys.stderr)
    console.print("Rolling back to the old jar, its options and the same savepoint.")
    _cancel_all(site, options.name)
    _submit(site, submissions, old, savepoint, options.patience)
    print("Rolled back: the old job runs again. The new one's error is above.", file=sys.stderr)
    return 1


def _submit(
    site: Site,
    submissions: Submissions,
    submission: Submission,
    start: str | None,
    patience_s: float,
) -> None:
    """Submits, and returns when the job runs and has completed a checkpoint."""
    job_id = site.submit(submission, start)
    submissions.add(Submitted(submission, job_id))
    console.print(f"Submitted job {job_id}{f' from {start}' if start else ', without state'}.")
    site.rest.wait_for_state(job_id, "RUNNING", patience_s)
    checkpoint = site.rest.wait_for_checkpoint(job_id, patience_s)
    site.rest.wait_for_state(job_id, "RUNNING", patience_s)
    console.print(f"It runs and has completed checkpoint {checkpoint['id']}.")


def _stop(site: Site, submissions: Submissions, job_id: str, patience_s: float) -> str:
    savepoint = site.rest.stop_with_savepoint(job_id, patience_s)
    submissions.stopped(job_id, savepoint)
    console.print(f"Stopped job {job_id} with savepoint {savepoint}.")
    return savepoint


def _cancel_all(site: Site, name: str) -> None:
    """What a submission that does not hold has left on the cluster."""
    for job in site.rest.named(name):
        if job["state"] not in ENDED:
            site.rest.cancel(job["jid"])


def _state_to_start_from(
    options: argparse.Namespace, site: Site, submissions: Submissions, name: str
) -> str | None:
    if options.fresh:
        return None
    if options.start not in (None, "latest"):
        return options.start
    found = state.newest(site, submissions.last(), name)
    if found is None and options.start == "latest":
        raise RefusedError(f"no savepoint or checkpoint of {name} was found; name one with --from")
    if found is not None and options.start is None:
        raise RefusedError(
            f"{name} has left a {found.kind}, {found.path}: a start without it would begin every"
            " session anew. Go on from it with --from latest, or start without it with --fresh"
        )
    return found.path if found else None


def _the_job(site: Site, name: str, running: bool = True) -> dict:
    """The one job of a name, the youngest where several have ended."""
    site.check()
    jobs = site.rest.named(name)
    alive = [job for job in jobs if job["state"] not in ENDED]
    if len(alive) > 1:
        ids = ", ".join(job["jid"] for job in alive)
        raise RefusedError(f"{name} is there {len(alive)} times: {ids}; cancel all but one")
    if not alive and (running or not jobs):
        others = sorted({job["name"] for job in site.rest.all() if job["state"] not in ENDED})
        told = f"there: {', '.join(others)}" if others else "no job runs there"
        raise RefusedError(f"no job called {name} runs at {site.url} ({told}); see --name")
    return (alive or jobs)[0]


def _the_submitted(site: Site, options: argparse.Namespace) -> tuple[dict, Submission]:
    """The running job, and what it was submitted with."""
    job = _the_job(site, options.name)
    for submitted in Submissions(options.home, options.name).all():
        if submitted.job_id == job["jid"]:
            return job, submitted.submission
    raise RefusedError(
        f"job {job['jid']} was not submitted with `scripts/job submit` (nothing is kept of it under"
        f" {options.home}), so there would be no way back. Stop it with `scripts/job stop`, then"
        " submit it with `scripts/job submit --from latest`"
    )


def _would(*steps: str) -> int:
    console.print("Nothing was done. It would:", *steps, sep="\n  ", markup=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/job",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = _command(commands, submit, "start the job; refuses a second copy and a lost state")
    command.add_argument("--jar", type=Path, default=layout.JAR, help="default: the built one")
    command.add_argument("--parallelism", type=_positive, help="default: the cluster's")
    start = command.add_mutually_exclusive_group()
    start.add_argument(
        "--from",
        dest="start",
        metavar="STATE",
        help="a savepoint or checkpoint, or `latest`: the job's newest",
    )
    start.add_argument(
        "--fresh", action="store_true", help="start without state, though there is some"
    )
    command.epilog = "Behind -- stand the job's own options."

    command = _command(commands, status, "checkpoint, restarts, lag, watermark lag, dead letters")
    _add_name(command)

    command = _command(commands, stop, "stop with a savepoint, without drain")
    _add_name(command)

    command = _command(
        commands, upgrade, "another jar from a savepoint; back to the old one if it does not hold"
    )
    _add_name(command)
    command.add_argument("--jar", type=Path, default=layout.JAR, help="default: the built one")
    command.epilog = "Behind -- stand the job's own options; without them the old ones stay."

    command = _command(
        commands, rescale, "another parallelism; back to the old one if it does not hold"
    )
    _add_name(command)
    command.add_argument("parallelism", type=_positive, metavar="PARALLELISM")
    return parser


def _command(commands: argparse._SubParsersAction, function: object, what: str):
    command = commands.add_parser(function.__name__, help=what, description=f"{what}.")
    command.set_defaults(command=function)
    command.add_argument(
        "--jobmanager", metavar="URL", help="its REST address; default: the one of FLINK_CONF_DIR"
    )
    command.add_argument(
        "--home",
        type=Path,
        default=default_home(),
        help="where submissions are kept; default: SESSION_SUBMISSIONS, else %(default)s",
    )
    command.add_argument(
        "--patience", type=float, default=300, metavar="SECONDS", help="default: %(default)s"
    )
    command.add_argument("--dry-run", action="store_true", help="check, say what would be done")
    return command


def _add_name(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--name", default=DEFAULT_NAME, help="the job's name; default: %(default)s"
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("is 1 or more")
    return number
