"""`scripts/job` on a real cluster: a job's life, a jar that does not hold among it.

It takes minutes, so it runs only where it is named: scripts/test-e2e scripts/e2e/long_operations.py
"""

from __future__ import annotations

import os
import subprocess

import pytest
from bench import Pipeline, labels

from rig import job as rig_job
from rig import layout, load, parts
from rig.records import Record

NAME = "operated"
USERS = 10


class Operator:
    """Runs `scripts/job` against the bench's cluster, as an operator's shell would."""

    def __init__(self, bench, home):
        self._env = {
            **os.environ,
            "FLINK_HOME": str(parts.flink_home()),
            "FLINK_CONF_DIR": str(bench.run.folder / "flink" / "conf"),
            "SESSION_SUBMISSIONS": str(home),
        }

    def __call__(self, *words, ends_with=0):
        done = subprocess.run(
            [layout.PROJECT / "scripts" / "job", *words],
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == ends_with, f"{words} ended with {done.returncode}\n{done.stdout}"
        return done.stdout


@pytest.fixture
def pipeline(bench):
    """Topics whose job the test submits itself."""
    pipeline = Pipeline(bench, "operated", 4, 4, 2, ("--job-name", NAME))
    yield pipeline
    for job_id, state in pipeline.rest.jobs().items():
        if state in ("RUNNING", "RESTARTING") and pipeline.rest.job(job_id)["name"] == NAME:
            pipeline.rest.cancel(job_id)


def events(start, count=5):
    """One event a second for each user; each user's go on where the last ones ended."""
    return [
        Record(
            b"u%d" % user,
            b'{"uid":"u%d","log_name":"CIN","ts":%d}' % (user, load.START_MS + number * 1000),
        )
        for number in range(start, start + count)
        for user in range(USERS)
    ]


def running(pipeline):
    """The id of the job that the test has submitted last."""
    jobs = pipeline.rest.jobs().items()
    return next(
        job_id
        for job_id, state in jobs
        if state == "RUNNING" and pipeline.rest.job(job_id)["name"] == NAME
    )


def test_a_job_is_submitted_upgraded_rolled_back_and_rescaled(bench, pipeline, tmp_path, note):
    job = Operator(bench, tmp_path / "home")
    options = ["--", *pipeline.job_options()]
    ids = {}

    def sessions_go_on(number):
        """Five more events a user: the same sessions, their numbers without a gap."""
        sent = pipeline.send(events(number))
        account = pipeline.account()
        for label in labels(account, sent):
            assert ids.setdefault(label["uid"], label["session_id"]) == label["session_id"]
        numbers = [label["seq_in_session"] for label in labels(account, sent)]
        assert numbers == [at + 1 for at in range(number, number + 5) for _ in range(USERS)]

    would = job("submit", "--dry-run", "--parallelism", "2", *options)
    assert "Nothing was done" in would
    assert "--parallelism 2" in would
    assert "without state" in job("submit", "--parallelism", "2", *options)
    sessions_go_on(0)
    assert "is there already" in job("submit", *options, ends_with=2)

    told = job("status", "--name", NAME)
    for line in ("RUNNING", "last checkpoint", "restarts", "lag", "watermark lag", "dead letters"):
        assert line in told

    other = str(rig_job.another_release(tmp_path))
    assert "from it" not in job("upgrade", "--dry-run", "--name", NAME, "--jar", other)
    sessions_go_on(5)
    assert "Stopped" in job("upgrade", "--name", NAME, "--jar", other)
    sessions_go_on(10)

    broken = str(rig_job.another_release(tmp_path, build_id="0123456789abcdef"))
    words = ("upgrade", "--name", NAME, "--jar", broken, "--patience", "60")
    told = job(*words, ends_with=1)
    assert "are of build 0123456789abcdef" in told
    assert "Rolled back" in told
    sessions_go_on(15)

    job("rescale", "--name", NAME, "4")
    vertices = pipeline.rest.job(running(pipeline))["vertices"]
    assert {task["parallelism"] for task in vertices} == {4}
    sessions_go_on(20)

    job("stop", "--name", NAME)
    assert "has left a savepoint" in job("submit", *options, ends_with=2)
    assert "from file:" in job("submit", "--from", "latest", *options)
    sessions_go_on(25)

    cancelled = running(pipeline)
    pipeline.rest.cancel(cancelled)
    assert "has left a checkpoint" in job("submit", *options, ends_with=2)
    assert f"{cancelled}/chk-" in job("submit", "--from", "latest", *options)
    sessions_go_on(30)

    account = pipeline.account()
    assert account.differences() == {}
    note(f"{len(pipeline.sent)} records through 7 jobs, {account.repeats} repeats")
