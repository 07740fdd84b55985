"""Wrong options: what the user sees, and that the cluster outlives them."""

from __future__ import annotations

import pytest

from rig import layout
from rig.flink.rest import RestError

# Three mistakes; all have to be told at once.
WRONG = ("--input-topik", "a", "--out-of-orderness", "soon", "--delivery", "at-most-once")


def flink_run(bench, *arguments: str):
    return bench.cluster.flink("run", "--class", layout.JOB_CLASS, str(layout.JAR), *arguments)


def test_wrong_options_on_the_command_line(bench, note):
    """`flink run` ends with 2 and tells each mistake, without a stack trace."""
    done = flink_run(bench, *WRONG)
    assert done.returncode == 2, done.stdout + done.stderr
    for word in ("input-topik", "input-topic", "out-of-orderness", "soon", "at-most-once"):
        assert word in done.stderr
    for output in (done.stdout, done.stderr):
        assert "\tat " not in output
        assert "Exception" not in output
    note("3 mistakes told, exit code 2")


def test_wrong_options_through_the_rest_api(bench, note):
    """The REST API answers with the same text, and the JobManager lives on."""
    jar = bench.cluster.rest.upload(layout.JAR)
    with pytest.raises(RestError) as refused:
        bench.cluster.rest.run(jar, entryClass=layout.JOB_CLASS, programArgsList=list(WRONG))
    for word in ("input-topik", "input-topic", "out-of-orderness", "soon", "at-most-once"):
        assert word in refused.value.text
    assert bench.cluster.job_manager_alive()
    assert len(bench.cluster.rest.task_managers()) == 2
    note(f"3 mistakes told, HTTP {refused.value.status}")


@pytest.mark.parametrize(
    ("option", "shown"), [("--help", "--bootstrap-servers"), ("--version", "1.0")]
)
def test_help_and_version(bench, note, option, shown):
    """They print and submit nothing."""
    before = bench.cluster.rest.jobs()
    done = flink_run(bench, option)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shown in done.stdout
    assert bench.cluster.rest.jobs().keys() == before.keys()
    note(f"{option} shows {shown}")
