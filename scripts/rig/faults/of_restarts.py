"""The job failed, restarted and submitted anew, until what is not given back would be seen."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

from rig import job, records
from rig.faults import footprint
from rig.faults.catalogue import BOTH, fault
from rig.faults.footprint import Footprint
from rig.faults.of_input import event
from rig.faults.stage import QUICK_JAVA
from rig.faults.trial import Trial
from rig.ledger import Account
from rig.processes import Known
from rig.records import Record

# Of the first submission, after which the processes are warm, and of those that count.
WARM_RESTARTS = 5
RESTARTS = (7, 7, 6)
RESTARTS_PATIENCE_S = 180
# The class loader of the job that ended last may stay; one more is taken for a leak, once the JVM
# has had its time. Heap dumps show that nothing in the heap holds those that go late; it may be
# compiled code on the stack of a thread, until that moves on.
LOADERS = 1
LOADERS_PATIENCE_S = 60
# How much more a process may have at the end.
MORE = Footprint(loaders=LOADERS, metaspace_mb=5, files=20, libraries=0, memory_mb=50)
PANICS = (b"panic-in-decode", b"panic-in-event")
PANIC_EVERY = 20

SETTINGS = {
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1000",
    "restart-strategy.fixed-delay.delay": "500 ms",
    # A heap that is touched whole from the start takes no more memory as it fills.
    **{
        f"env.java.opts.{role}": f"{QUICK_JAVA} -XX:+AlwaysPreTouch {footprint.OPTIONS}"
        for role in ("jobmanager", "taskmanager")
    },
}


@fault(
    "twenty restarts and three submissions in one cluster, after a first one: all they took is"
    " given back",
    deliveries=BOTH,
    count=10_000,
    settings=SETTINGS,
)
def restarted_again_and_again(trial: Trial) -> None:
    _restart_again_and_again(trial, trial.generated())


@fault(
    "twenty restarts and three submissions, with a core that panics at every twentieth record (a"
    " build for tests)",
    deliveries=BOTH,
    count=10_000,
    settings=SETTINGS,
)
def restarted_while_panicking(trial: Trial) -> Account:
    trial.jar = job.failing_release(trial.stage.run.folder / "jars")
    to_send = trial.generated(bad_share=0)
    panicking = range(0, len(to_send), PANIC_EVERY)
    for number, index in enumerate(panicking):
        value = b'{"note":"%s",' % PANICS[number % len(PANICS)] + to_send[index].value[1:]
        to_send[index] = dataclasses.replace(to_send[index], value=value)
    _restart_again_and_again(trial, to_send)
    account = trial.account()
    expected = {"internal_error": len(panicking)}
    assert account.reasons() == expected, f"dead letters: {account.reasons()}, not {expected}"
    return account


def _restart_again_and_again(trial: Trial, to_send: list[Record]) -> None:
    trial.make_topics()
    submissions = (WARM_RESTARTS, *RESTARTS)
    size = -(-len(to_send) // len(submissions))
    savepoint, before = None, {}
    for number, restarts in enumerate(submissions):
        _submit(trial, savepoint)
        _restart(trial, number, to_send[number * size : (number + 1) * size], restarts)
        trial.account()
        savepoint = trial.rest.stop_with_savepoint(trial.job_id)
        if number == 0:
            before = _footprints(trial)
            for process in before:
                footprint.begin_count(process)
    after, counted = _footprints(trial), len(RESTARTS)
    if any(now.loaders > LOADERS for now in after.values()):
        # A leak leaves one loader more with each submission, and so with this one too.
        _submit(trial, savepoint)
        trial.account()
        trial.rest.stop_with_savepoint(trial.job_id)
        after, counted = _footprints(trial), counted + 1
    _compare(trial, before, after, counted)
    copies = list((trial.stage.run.folder / "tmp").glob(footprint.COPIES))
    assert not copies, f"left on the disk: {copies}"
    assert trial.said("(UnsatisfiedLinkError)") is None, "a library was not linked"


def _submit(trial: Trial, savepoint: str | None) -> None:
    trial.submit("--sink.compression.type=none", from_savepoint=savepoint, interval="2s")


def _restart(trial: Trial, number: int, to_send: list[Record], restarts: int) -> None:
    """Sends records, one of which fails the job until it has restarted so often."""
    servers = trial.broker.bootstrap_servers
    records.configure_topic(servers, trial.output, {"max.message.bytes": "100000"})
    large = Record(b"large", event(uid=f"large-{number}", padding="x" * 200_000))
    half = len(to_send) // 2
    trial.strike(f"a record of 200 kB for a topic of 100 kB, until {restarts} restarts")
    trial.send([*to_send[:half], large, *to_send[half:]])
    deadline = time.monotonic() + RESTARTS_PATIENCE_S
    while trial.restarts() < restarts:
        assert time.monotonic() < deadline, f"{trial.restarts()} restarts only"
        time.sleep(0.2)
    records.configure_topic(servers, trial.output, {"max.message.bytes": "1048588"})
    trial.lift("topic takes it")


def _footprints(trial: Trial) -> dict[Known, Footprint]:
    """Of all processes, while no job runs."""
    cluster = trial.cluster
    found = {}
    for process in (*cluster.job_managers(), *cluster.task_managers()):
        deadline = time.monotonic() + LOADERS_PATIENCE_S
        while (now := Footprint.of(process)).loaders > LOADERS and time.monotonic() < deadline:
            time.sleep(1)
        if now.loaders > LOADERS:
            _log(trial, "threads", process).write_text(footprint.threads(process))
        found[process] = now
    trial.history.note(event="footprints", **{each.name: found[each]._asdict() for each in found})
    return found


def _compare(
    trial: Trial,
    before: dict[Known, Footprint],
    after: dict[Known, Footprint],
    submissions: int,
) -> None:
    """Holds each process to its limits, and keeps what the JVM says its memory went to.

    A copy of the core stays mapped for each submission (0.6 MB each), by design: it is linked
    never to be unmapped.
    """
    limits = MORE._replace(libraries=submissions)
    broken, grown = [], []
    for process, now in after.items():
        _log(trial, "memory", process).write_text(footprint.grown(process))
        more = Footprint(*(one - other for one, other in zip(now, before[process])))
        grown.append(more)
        broken += [
            f"{process.name}: {name} grew by {getattr(more, name):.4g} to {getattr(now, name):.4g}"
            for name, limit in limits._asdict().items()
            if getattr(more, name) > limit
        ]
        if now.loaders > LOADERS:
            broken.append(f"{process.name}: {now.loaders} class loaders of ended jobs are alive")
    most = Footprint(*map(max, zip(*grown)))
    trial.note(
        f"at most {most.memory_mb:+.0f} MB of memory, {most.metaspace_mb:+.1f} MB of metaspace,"
        f" {most.files:+d} files"
    )
    assert not broken, "; ".join(broken)


def _log(trial: Trial, of: str, process: Known) -> Path:
    return trial.stage.run.folder / "logs" / f"{of}-{trial.input}-{process.name}.txt"
