"""Faults of Flink's processes, of ZooKeeper, and of what checkpoints are written to."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from rig.faults.catalogue import BOTH, fault
from rig.faults.trial import Trial
from rig.ledger import Promise

DEFAULT_HEARTBEATS = {"heartbeat.interval": "10000", "heartbeat.timeout": "50000"}


@fault("a TaskManager killed (SIGKILL) every 10 s for two minutes", deliveries=BOTH)
def task_manager_killed_again_and_again(trial: Trial) -> None:
    trial.begin(interval="2s")
    with trial.under_load(165):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            began = time.monotonic()
            trial.strike("TaskManager killed")
            trial.cluster.kill_task_manager(oldest=True)
            trial.cluster.start_task_manager()
            trial.lift("a new process is there")
            time.sleep(max(0, began + 10 - time.monotonic()))
        trial.cluster.wait()


def _kill_task_manager(trial: Trial) -> None:
    trial.begin()
    with trial.under_load(60):
        time.sleep(15)
        trial.strike("TaskManager killed")
        trial.cluster.kill_task_manager()
        trial.cluster.start_task_manager()
        trial.lift("a new process is there")
        trial.cluster.wait()


@fault("a TaskManager killed (SIGKILL), a new one started", deliveries=BOTH, ci=True)
def task_manager_killed(trial: Trial) -> None:
    _kill_task_manager(trial)


@fault(
    "a TaskManager killed (SIGKILL), a new one started, with Flink's own heartbeats (10 s, 50 s)",
    deliveries=BOTH,
    settings=DEFAULT_HEARTBEATS,
)
def task_manager_killed_default_heartbeats(trial: Trial) -> None:
    _kill_task_manager(trial)


@fault("a TaskManager frozen (SIGSTOP) for 20 s, then awake again", deliveries=BOTH)
def task_manager_frozen(trial: Trial) -> None:
    trial.begin()
    processes = trial.stage.run.processes
    with trial.under_load(70):
        time.sleep(15)
        frozen = trial.cluster.task_managers()[0]
        trial.strike("TaskManager frozen")
        processes.pause(frozen)
        try:
            time.sleep(20)
        finally:
            processes.resume(frozen)
        trial.lift("TaskManager awake")
        time.sleep(10)
    trial.cluster.wait()


@fault("the leading JobManager killed three times, with ZooKeeper and a standby", deliveries=BOTH)
def job_manager_leader_killed(trial: Trial) -> None:
    trial.begin()
    with trial.under_load(110):
        for _ in range(3):
            time.sleep(10)
            trial.strike(f"{trial.cluster.kill_leader()} killed")
            trial.lift("the standby is there")
            trial.cluster.start_job_manager()
            trial.cluster.wait()
            trial.wait_until_running()
            trial.wait_for_checkpoint()


@fault("ZooKeeper frozen for 10 s", ci=True)
def zookeeper_away(trial: Trial) -> None:
    trial.begin()
    with trial.under_load(45):
        time.sleep(10)
        trial.strike("ZooKeeper frozen")
        trial.stage.zookeeper.pause()
        try:
            time.sleep(10)
        finally:
            trial.stage.zookeeper.resume()
        trial.lift("ZooKeeper awake")
        time.sleep(10)
    assert trial.restarts() == 0, "the job restarted"


@fault("the checkpoint folder read-only for 25 s", deliveries=BOTH)
def checkpoint_folder_read_only(trial: Trial) -> None:
    trial.begin(interval="3s")
    folder = trial.stage.run.folder / "checkpoints" / trial.job_id
    with trial.under_load(60):
        trial.wait_for_checkpoint()
        trial.strike("checkpoint folder read-only")
        _read_only(folder, True)
        try:
            time.sleep(25)
        finally:
            _read_only(folder, False)
        trial.lift("checkpoint folder writable")
        failed = trial.rest.checkpoints(trial.job_id)["counts"]["failed"]
        trial.wait_for_checkpoint()
    assert failed > 0, "no checkpoint failed, so nothing was tried"
    assert trial.restarts() == 0, "the job restarted"
    trial.note(f"{failed} checkpoints failed, no restart")


def _read_only(folder: Path, wanted: bool) -> None:
    folders = [folder, *(each for each in folder.iterdir() if each.is_dir())]
    if os.geteuid() == 0:
        # Root writes wherever a mode forbids it; the immutable flag holds for root too.
        subprocess.run(["chattr", "+i" if wanted else "-i", *folders], check=True)
    else:
        for each in folders:
            each.chmod(0o555 if wanted else 0o755)


@fault(
    "the newest checkpoint damaged, then a TaskManager killed",
    expected="b",
    deliveries=BOTH,
    remedy="cancel, and submit from the newest checkpoint that is whole: `flink run -s .../chk-N`",
    # Every piece of state in a file of its own, so that there is something to damage. TaskManagers
    # take it from the cluster's settings, not from the job's.
    settings={"state.storage.fs.memory-threshold": "1b"},
)
def newest_checkpoint_damaged(trial: Trial) -> None:
    trial.begin()
    with trial.under_load(80):
        time.sleep(20)
        trial.cluster.kill_task_manager()
        whole, damaged = trial.checkpoint_folders()[-2:]
        files = list(damaged.iterdir())
        for file in files:
            file.write_bytes(b"damaged")
        trial.strike(f"{len(files)} files of {damaged.name} damaged, a TaskManager killed")
        trial.cluster.start_task_manager()
        trial.cluster.wait()
        trial.wait_for_failure("Could not restore")
        trial.cancel()
        trial.lift(f"submitted again from {whole.name}")
        trial.submit(from_savepoint=str(whole))
    if trial.exactly_once:
        # What was committed with the damaged checkpoint comes a second time; nothing is lost.
        trial.promise = Promise()
