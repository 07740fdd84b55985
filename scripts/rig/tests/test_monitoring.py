"""Metrics, their page, the alerts, their cases, the board and the runbook tell the same."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from rig import prometheus
from rig.layout import PROJECT

OURS = "flink_taskmanager_job_task_operator_session_"
CODE = [path.read_text() for path in (PROJECT / "java-shim/src/main").rglob("*.java")]
PAGE = (PROJECT / "docs/metrics.md").read_text()
RUNBOOK = (PROJECT / "docs/runbook.md").read_text()
ALERTS = prometheus.ALERTS.read_text()
CASES = prometheus.ALERT_CASES.read_text()
BOARD = json.loads(prometheus.BOARD.read_text())

# By alert: its text.
RULES = dict(re.findall(r"- alert: (\w+)\n((?:(?!- alert:)[\s\S])*)", ALERTS))


def told() -> set[str]:
    """The names of the page's table, labels before dots."""
    return set(re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE))


def test_every_metric_of_the_code_is_on_the_page_and_the_other_way_round():
    reported = set()
    for text in CODE:
        reported |= set(re.findall(r'\b(?:counter|gauge|histogram)\(\s*"(\w+)"', text))
    # The sink's own, in the connector's group.
    reported.discard("expiredTransactionRecords")
    assert {name.rpartition(".")[2] for name in told()} == reported


@pytest.mark.parametrize(
    "text", [ALERTS, CASES, json.dumps(BOARD)], ids=["alerts", "cases", "board"]
)
def test_every_metric_that_is_asked_for_exists(text):
    names = {name.replace(".", "_") for name in told()}
    asked = set(re.findall(OURS + r"(\w+)", text))
    assert asked
    assert asked <= names


def test_every_alert_has_its_paragraph_and_every_paragraph_its_alert():
    assert len(RULES) > 10
    paragraphs = set(re.findall(r"^## (Session\w+)$", RUNBOOK, re.MULTILINE))
    assert paragraphs == RULES.keys()
    for name, rule in RULES.items():
        assert f"runbook: docs/runbook.md#{name.lower()}\n" in rule + "\n"
    for paragraph in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE):
        if paragraph.startswith("Session"):
            parts = [part in paragraph for part in ("**Meaning.**", "**Check.**", "**Action.**")]
            assert all(parts), paragraph.splitlines()[0]


@pytest.mark.parametrize("name", RULES)
def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(name):
    silent = re.findall(rf"alertname: {name}\W+exp_alerts: \[\]", CASES)
    fires = re.findall(rf"alertname: {name}\W+exp_alerts: \[\{{", CASES)
    assert silent
    assert fires


def test_the_board_names_alerts_that_exist():
    named = set(re.findall(r"runbook: (\w+)", json.dumps(BOARD)))
    assert named
    assert named <= RULES.keys()


def test_the_alerts_fire_on_their_cases():
    try:
        promtool = prometheus.tool("promtool")
    except prometheus.MissingError as error:
        pytest.skip(str(error))
    done = subprocess.run(
        [promtool, "test", "rules", prometheus.ALERT_CASES], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
