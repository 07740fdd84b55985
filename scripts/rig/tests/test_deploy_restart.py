"""A restart goes on only while all is well, and never ends a job that nobody gave up."""

from __future__ import annotations

import importlib.util

import pytest

from rig.layout import PROJECT

FILTERS = PROJECT / "scripts" / "deploy" / "roles" / "flink" / "filter_plugins"


def _load():
    """The role's filters; ansible loads them by their path too."""
    spec = importlib.util.spec_from_file_location("flink_cluster", FILTERS / "flink_cluster.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


said = _load()


def job(name: str, state: str = "RUNNING", running: int = 3) -> dict:
    """A job of /jobs/overview with three tasks."""
    return {"jid": name, "state": state, "tasks": {"total": 3, "running": running}}


def test_a_job_runs_with_all_its_tasks_only():
    jobs = [
        job("whole"),
        job("half", running=2),
        job("restarting", "RESTARTING", 0),
        job("gone", "CANCELED", 0),
    ]
    assert said.running_jobs({"jobs": jobs}) == ["whole"]
    assert said.live_jobs(jobs) == ["half", "restarting", "whole"]


def test_a_taskmanager_is_found_by_its_host():
    def at(address: str) -> dict:
        path = f"pekko.tcp://flink@{address}:40123/user/rpc/taskmanager_0"
        return {"id": f"{address}:40123-abcdef", "path": path}

    answer = {"taskmanagers": [at("10.0.0.1"), at("10.0.0.11"), at("worker1")]}
    assert said.taskmanagers_at(answer, "10.0.0.1") == ["10.0.0.1:40123-abcdef"]
    assert said.taskmanagers_at(answer, "10.0.0.2") == []


def checkpoints(completed: int = 0, restored: int = 0, history: tuple[int, ...] = ()) -> dict:
    """An answer of /jobs/ID/checkpoints."""
    latest = {"completed": completed, "restored": restored, "savepoint": 0, "failed": 0}
    return {
        "latest": {kind: {"id": number} if number else None for kind, number in latest.items()},
        "history": [{"id": number} for number in history],
    }


@pytest.mark.parametrize(
    ("answer", "newest", "completed"),
    [
        (checkpoints(), 0, 0),
        (checkpoints(restored=7), 7, 0),
        (checkpoints(completed=8, restored=7, history=(8,)), 8, 8),
        # One that began and is not complete is no proof of a later one.
        (checkpoints(completed=8, history=(9, 8)), 9, 8),
    ],
)
def test_a_checkpoint_is_new_if_it_began_later(answer, newest, completed):
    assert said.newest_checkpoint(answer) == newest
    assert said.completed_checkpoint(answer) == completed


def against(how: str = "rolling", end_jobs: object = False, **changed: object) -> str:
    cluster = {
        "answers": True,
        "jobs": ["a"],
        "version": "1.18.1",
        "zookeeper": "zk:2181",
        "masters": True,
        **changed,
    }
    return " ".join(said.against_restart(cluster, how, end_jobs, "1.18.1"))


def test_nothing_speaks_against_a_restart_where_jobs_go_on():
    assert against() == ""
    assert against("full") == ""
    assert against(zookeeper="", jobs=[]) == ""
    # A job outlives its TaskManagers.
    assert against(zookeeper="", masters=False) == ""
    # Nothing to lose in a cluster that is down.
    assert against("full", answers=False, jobs=[], version="") == ""


def test_a_job_is_not_ended_by_surprise():
    assert "would end with the JobManager" in against(zookeeper="")
    assert "would end with the JobManager" in against("full", zookeeper="")
    assert against(zookeeper="", end_jobs="true") == ""
    assert "need not read what is kept" in against("full", version="1.18.0")
    assert against("full", version="1.18.0", end_jobs=True) == ""


def test_a_rolling_restart_begins_with_all_well_and_one_version():
    assert "does not answer" in against(answers=False, jobs=[], version="")
    assert "do not work together" in against(version="1.18.0", end_jobs=True)
