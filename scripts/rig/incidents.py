"""Incidents in the demo: each says what will happen, shows it, and ends with the ledger."""

from __future__ import annotations

import argparse
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
from rich.console import Console

from rig import layout, ledger, load, records
from rig.demo_setup import SLOTS, Demo
from rig.flink import checkpoints
from rig.flink.rest import JobError, RestError
from rig.job import INPUT
from rig.processes import ProcessError
from rig.run import Run
from rig.steps import Steps

# Ten loads a second of so many records; their users and times are those of no earlier one.
RECORDS_A_SLICE = 20
SLICES_A_SECOND = 10
LOAD_RECORDS = 20_000
POISON_RECORDS = 500
ROUND_MS = 2 * 24 * 3_600_000
# Before something happens and after it is over.
CALM_S = 5
NOTICE_PATIENCE_S = 60

Say = Callable[[str], None]

console = Console()


class Traffic:
    """Sends records in the background, through everything that happens, until it is stopped."""

    def __init__(self, demo: Demo):
        self._servers = demo.broker.bootstrap_servers
        self._records = _next_load(demo, LOAD_RECORDS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._failure: Exception | None = None
        self.sent = 0

    def _send(self) -> None:
        try:
            while self.sent < len(self._records) and not self._stop.is_set():
                part = self._records[self.sent : self.sent + RECORDS_A_SLICE]
                records.send(self._servers, INPUT, part, patient=True)
                self.sent += len(part)
                self._stop.wait(1 / SLICES_A_SECOND)
        except Exception as error:
            self._failure = error

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure:
            raise self._failure


def _next_load(demo: Demo, count: int, **options: float) -> list[records.Record]:
    """Records of users and of a time that no load before had."""
    demo.rounds += 1
    demo.write()
    generated = load.generated(
        count,
        seed=demo.rounds,
        users=f"round-{demo.rounds}",
        start_ms=load.START_MS + demo.rounds * ROUND_MS,
        **options,
    )
    return [each.record for each in generated]


def kill_task_manager(demo: Demo, steps: Steps, _: argparse.Namespace) -> None:
    with steps.step("TaskManager killed") as say:
        demo.cluster.kill_task_manager()
        say("SIGKILL, as a crash or the kernel's OOM killer would")
    with steps.step("Flink notices") as say:
        _wait(lambda: not _runs_whole(demo), "Flink did not notice")
        say("no heartbeat: the job stops, and waits for slots")
    with steps.step("A new TaskManager") as say:
        demo.cluster.start_task_manager()
        demo.cluster.wait()
        say("it registers by itself")
    with steps.step("The job goes on") as say:
        demo.cluster.rest.wait_for_state(demo.job_id, "RUNNING", NOTICE_PATIENCE_S)
        restored = demo.cluster.rest.checkpoints(demo.job_id)["latest"]["restored"]
        say(f"from checkpoint {restored['id']}, by itself")


def kill_job_manager(demo: Demo, steps: Steps, _: argparse.Namespace) -> None:
    with steps.step("JobManager killed") as say:
        demo.cluster.kill_job_manager()
        say("SIGKILL; with it goes what it knew of the job")
    with steps.step("A new JobManager") as say:
        demo.cluster.start_job_manager()
        demo.cluster.wait()
        say("the TaskManager has found it; no job runs")
    with steps.step("The job goes on") as say:
        checkpoint = newest_checkpoint(demo.run.folder / "checkpoints" / demo.job_id)
        demo.submit(str(checkpoint))
        say(f"flink run -s .../{checkpoint.parent.name}/{checkpoint.name}")


def stop_broker(demo: Demo, steps: Steps, options: argparse.Namespace) -> None:
    with steps.step("Broker stopped") as say:
        demo.broker.stop()
        say("neither input nor output")
    with steps.step(f"{options.seconds} s without it") as say:
        until = time.monotonic() + options.seconds
        while time.monotonic() < until:
            say(f"the job is {_state(demo)}")
            time.sleep(1)
    with steps.step("Broker started") as say:
        demo.broker.launch()
        demo.broker.wait()
        say("with the data it had")
    with steps.step("The job goes on") as say:
        demo.cluster.rest.wait_for_state(demo.job_id, "RUNNING", NOTICE_PATIENCE_S)
        demo.cluster.rest.wait_for_checkpoint(demo.job_id)
        say(f"{demo.cluster.rest.restarts(demo.job_id)} restarts in all, a checkpoint is completed")


def poison(demo: Demo, steps: Steps, _: argparse.Namespace) -> None:
    before = demo.cluster.rest.restarts(demo.job_id)
    with steps.step("Poison sent") as say:
        bad = _next_load(demo, POISON_RECORDS, bad_share=1)
        sent = records.send(demo.broker.bootstrap_servers, INPUT, bad)
        say(f"{len(sent)} records, none of which is an event")
    with steps.step("What became of them") as say:
        reasons = demo.keep(sent).reasons()
        say(", ".join(f"{count} {reason}" for reason, count in reasons.items()))
    with steps.step("The job") as say:
        restarts = demo.cluster.rest.restarts(demo.job_id) - before
        say(f"{_state(demo)}, {restarts} restarts by them")


def rescale(demo: Demo, steps: Steps, options: argparse.Namespace) -> None:
    savepoint = _stop(demo, steps)
    with steps.step(f"Parallelism {demo.parallelism} -> {options.parallelism}") as say:
        demo.parallelism = options.parallelism
        demo.submit(savepoint)
        say(f"flink run -s SAVEPOINT -p {demo.parallelism}: {demo.job_id}")


def upgrade(demo: Demo, steps: Steps, options: argparse.Namespace) -> None:
    old = demo.jar
    savepoint = _stop(demo, steps)
    with steps.step("The new jar") as say:
        demo.take(options.jar)
        try:
            _submit(demo, savepoint, say)
            return
        except (JobError, ProcessError) as error:
            say(f"{options.jar.name} does not come up")
            console.print(str(error), markup=False, highlight=False)
    with steps.step("The old jar") as say:
        with contextlib.suppress(RestError):
            demo.cluster.rest.cancel(demo.job_id)
        demo.jar = old
        _submit(demo, savepoint, say)


def _submit(demo: Demo, savepoint: str, say: Say) -> None:
    demo.submit(savepoint)
    demo.cluster.rest.wait_for_checkpoint(demo.job_id)
    say(f"{Path(demo.jar).name} runs from the savepoint and has completed a checkpoint")


def _stop(demo: Demo, steps: Steps) -> str:
    with steps.step("Stopped with a savepoint") as say:
        savepoint = demo.cluster.stop_with_savepoint(demo.job_id)
        say(savepoint.rpartition("/")[2])
    return savepoint


def newest_checkpoint(of_job: Path) -> Path:
    """The newest checkpoint that is whole, as the one who repairs would look for it."""
    whole = checkpoints.completed(of_job)
    if not whole:
        raise ProcessError(f"no checkpoint in {of_job}: the job had completed none")
    return whole[-1]


# By command: what will happen.
WILL_HAPPEN = {
    kill_task_manager: "A TaskManager dies. Flink misses its heartbeat, takes the job back to its "
    "last checkpoint and starts it where slots are. What came out since then comes out once "
    "more, the same bytes: the ledger counts it as repeats.",
    kill_job_manager: "The JobManager dies. This cluster has no high availability, so nobody knows "
    "of the job any more: it is submitted again, from its newest checkpoint on disk. With high "
    "availability a new leader would do that by itself.",
    stop_broker: "Kafka goes away, and comes back. Sends wait and the job does too; where it takes "
    "longer than the job's patience, it restarts from its last checkpoint until Kafka is there.",
    poison: "Records come that are no events, of every kind. Each becomes a dead letter with its "
    "reason; the job, its sessions and its watermark do not notice.",
    rescale: "The job is stopped with a savepoint and started from it with another parallelism. "
    "Open sessions move along with their keys; nothing is repeated.",
    upgrade: "The job is stopped with a savepoint, and a new jar goes on from it. Should that not "
    "come up, the old one would, from the same savepoint; nothing is repeated.",
}


def run(options: argparse.Namespace) -> int:
    run = Run("demo")
    with run.alone():
        return do(Demo.running(run), options)


def do(demo: Demo, options: argparse.Namespace) -> int:
    """Does the incident to the demo under load; returns 0 where the ledger holds."""
    if _state(demo) != "RUNNING":
        raise ProcessError(f"the job {demo.job_id} is {_state(demo)}, so nothing is done to it")
    console.print(WILL_HAPPEN[options.incident], highlight=False)
    with Steps(console) as steps, _under_load(demo, steps):
        options.incident(demo, steps, options)
    return _show_ledger(demo)


def _show_ledger(demo: Demo) -> int:
    account = demo.keep()
    holds = ledger.show(account, console)
    console.print(f"Repeats by this incident: {account.repeats - demo.repeats:,}")
    demo.repeats = account.repeats
    demo.write()
    return 0 if holds else 1


@contextlib.contextmanager
def _under_load(demo: Demo, steps: Steps) -> Iterator[None]:
    with Traffic(demo) as traffic:
        with steps.step("Records are sent") as say:
            # A checkpoint is what most of the incidents go back to.
            demo.cluster.rest.wait_for_checkpoint(demo.job_id)
            time.sleep(CALM_S)
            say(f"{traffic.sent:,} until now, and more all the time")
        yield
        with steps.step("A while more of them") as say:
            time.sleep(CALM_S)
            say(f"{traffic.sent:,} in all")


def _runs_whole(demo: Demo) -> bool:
    job = demo.cluster.rest.job(demo.job_id)
    tasks = {task["status"] for task in job["vertices"]}
    return job["state"] == "RUNNING" and tasks == {"RUNNING"}


def _state(demo: Demo) -> str:
    try:
        return demo.cluster.rest.job(demo.job_id)["state"]
    except (RestError, requests.ConnectionError):
        return "not there"


def _wait(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + NOTICE_PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise JobError(otherwise)
        time.sleep(0.2)


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds the incidents to the demo's commands."""

    def add(name: str, incident: Callable, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=WILL_HAPPEN[incident])
        command.set_defaults(command=run, incident=incident)
        return command

    add("kill-taskmanager", kill_task_manager, "kill a TaskManager under load")
    add("kill-jobmanager", kill_job_manager, "kill the JobManager under load")
    command = add("stop-broker", stop_broker, "stop Kafka under load, for a while")
    command.add_argument("seconds", type=_seconds, metavar="SECONDS")
    add("poison", poison, "send records that are no events")
    command = add("rescale", rescale, "go on with another parallelism")
    command.add_argument("parallelism", type=int, choices=range(1, SLOTS + 1), metavar="N")
    command = add("upgrade", upgrade, "go on with another jar")
    command.add_argument(
        "--jar",
        type=_file,
        default=layout.JAR,
        metavar="FILE",
        help="the new version, or an old one to go back; default: the one that is built now",
    )


def _file(text: str) -> Path:
    file = Path(text).absolute()
    if not file.is_file():
        raise argparse.ArgumentTypeError(f"{text} is not there")
    return file


def _seconds(text: str) -> int:
    seconds = int(text)
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("between 1 and 3600")
    return seconds
