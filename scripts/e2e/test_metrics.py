"""A real Prometheus scrapes a real job: what it has says what the ledger says."""

from __future__ import annotations

import json
import re
import time
from collections import Counter

import pytest

from rig import ledger, load, prometheus
from rig.prometheus import Prometheus
from rig.records import Record

OURS = "flink_taskmanager_job_task_operator_session_"
# Scraped every second, and a rate needs two of them.
PATIENCE_S = 30
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LATE_EVENTS = 3
RULES = {"log_names": {"VISIT": {"role": "ride_along"}}, "max_duration": "4h"}


@pytest.fixture(scope="module")
def scraping(bench):
    """A Prometheus that scrapes the cluster, with the alerts of this project."""
    try:
        prometheus.tool(prometheus.NAME)
    except prometheus.MissingError as error:
        pytest.skip(str(error))
    server = Prometheus(bench.run.folder, bench.run.processes)
    server.launch()
    server.wait()
    server.scrape(bench.metric_ports())
    yield server
    server.stop()


def events(partition: int, user: str, at_ms: int, count: int, step_ms: int) -> list[Record]:
    return [
        Record(
            key=user.encode(),
            value=json.dumps(
                {"uid": user, "log_name": "CLICK", "ts": at_ms + number * step_ms}
            ).encode(),
            partition=partition,
        )
        for number in range(count)
    ]


class Scraped:
    """The job's own metrics, summed over subtasks."""

    def __init__(self, server: Prometheus, job_id: str):
        self._server = server
        self._job_id = job_id

    def value(self, name: str) -> float:
        return self._server.value(f'sum({OURS}{name}{{job_id="{self._job_id}"}})')

    def by(self, label: str, name: str) -> dict[str, int]:
        samples = self._server.query(
            f'sum by ({label}) ({OURS}{label}_{name}{{job_id="{self._job_id}"}})'
        )
        return {each.labels[label]: int(each.value) for each in samples if each.value}

    def counts(self) -> dict:
        """What the ledger knows too."""
        names = ("recordsIn", "recordsOut", "sessionsStarted", "sessionsContinued")
        names += ("eventsRodeAlong", "eventsOutOfOrder", "eventsLate", "sessionsOpen")
        return {
            **{name: int(self.value(name)) for name in names},
            "deadLetters": self.by("reason", "deadLetters"),
            "sessionsClosed": self.by("closed_by", "sessionsClosed"),
        }

    def wait_for(self, expected: dict) -> None:
        """Returns when the metrics are the expected ones."""
        deadline = time.monotonic() + PATIENCE_S
        while self.counts() != expected and time.monotonic() < deadline:
            time.sleep(0.5)
        assert self.counts() == expected


def counted(account: ledger.Account, late: int) -> dict:
    """What the metrics have to be, from what lies on the topics."""
    labels = [json.loads(copies[-1].value) for copies in account.out.values()]
    joined = [label for label in labels if label["seq_in_session"] != 0]
    started = sum(label["seq_in_session"] == 1 for label in joined)
    closed = Counter(
        json.loads(copies[-1].value)["closed_by"] for copies in account.closed.values()
    )
    return {
        "recordsIn": len(account.records_in),
        "recordsOut": len(labels),
        "sessionsStarted": started,
        "sessionsContinued": len(joined) - started,
        "eventsRodeAlong": len(labels) - len(joined),
        "eventsOutOfOrder": sum(label["ts"] < label["session_last_ts"] for label in joined),
        "eventsLate": late,
        "sessionsOpen": started - len(account.closed),
        "deadLetters": account.reasons(),
        "sessionsClosed": dict(closed),
    }


def sessions_of(account: ledger.Account) -> set[str]:
    labels = (json.loads(copies[-1].value) for copies in account.out.values())
    return {label["session_id"] for label in labels if label["seq_in_session"] != 0}


def test_what_is_scraped_is_what_the_ledger_counts(bench, scraping, note, tmp_path):
    """Every kind of record and closing, through a stop with a savepoint and a rescale."""
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES))
    options = ("--rules", str(rules), "--allowed-lateness", "6h", "--idle-timeout", "0")
    with bench.pipeline(*options, partitions=2, parallelism=2) as pipeline:
        pipeline.send(each.record for each in load.generated(4_000, seed=9, bad_share=0.05))
        # Nine sessions within the lateness: one has to make room.
        newest_ms = load.START_MS + 24 * HOUR_MS
        pipeline.send(events(0, "nine", newest_ms, 9, 31 * MINUTE_MS))
        before = pipeline.account()
        assert before.balanced
        # Event time goes far on, in both partitions, and closes all of these.
        pipeline.send(events(0, "later-0", newest_ms + 48 * HOUR_MS, 1, 0))
        pipeline.send(events(1, "later-1", newest_ms + 48 * HOUR_MS, 1, 0))
        pipeline.wait_for_closed(sessions_of(before))
        pipeline.send(events(0, "late", newest_ms, LATE_EVENTS, HOUR_MS))
        late = sessions_of(pipeline.account()) - sessions_of(before) - later_sessions(newest_ms)
        assert len(late) == LATE_EVENTS
        pipeline.send(events(0, "later-0", newest_ms + 49 * HOUR_MS, 1, 0))
        pipeline.send(events(1, "later-1", newest_ms + 49 * HOUR_MS, 1, 0))
        pipeline.wait_for_closed(late)
        assert pipeline.account().balanced

        account = pipeline.account(close_records=True)
        assert account.differences() == {}
        expected = counted(account, LATE_EVENTS)
        scraped = Scraped(scraping, pipeline.job_id)
        scraped.wait_for(expected)
        assert_every_kind(expected)
        events_came = expected["recordsOut"]
        looked_up = scraped.value("cacheHits") + scraped.value("cacheMisses")
        assert looked_up == events_came + scraped.value("timersFired")
        assert scraped.value("coreErrors") == 0
        assert scraped.value("jar_core_buildInfo") == 2
        pipeline.rest.wait_for_checkpoint(pipeline.job_id)
        wait_until(lambda: scraped.value("cacheWrittenBytes") > 0)
        asked = ask_all(scraping)

        savepoint = pipeline.cluster.stop_with_savepoint(pipeline.job_id)
        pipeline.submit(savepoint, parallelism=1)
        pipeline.send(events(1, "after", newest_ms + 49 * HOUR_MS, 4, 1))
        pipeline.account()
        again = Scraped(scraping, pipeline.job_id)
        opened = expected["sessionsOpen"]
        wait_until(lambda: again.value("recordsOut") == 4)
        assert again.value("sessionsOpenAtStart") == opened
        assert again.value("sessionsOpen") == opened + again.value("sessionsStarted")
        assert again.value("recordsIn") == 4
        pipeline.assert_never_failed()
    note(
        f"{expected['recordsIn']:,} records, {len(expected['deadLetters'])} reasons, "
        f"sessions {expected['sessionsClosed']} closed, {opened} open through a rescale; "
        f"{asked} queries of board and alerts asked"
    )


def later_sessions(newest_ms: int) -> set[str]:
    return {f"later-{number}_{newest_ms + 48 * HOUR_MS}" for number in (0, 1)}


def assert_every_kind(expected: dict) -> None:
    """The load had what the test is about."""
    assert all(expected.values()), expected
    assert set(expected["sessionsClosed"]) == {"timeout", "max_duration", "evicted"}
    assert len(expected["deadLetters"]) >= 8


def wait_until(holds) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert holds()


def ask_all(server: Prometheus) -> int:
    """Asks every query of the board and the alerts; the board's have to give something."""
    [job_name] = {each.labels["job_name"] for each in server.query(OURS + "recordsIn")}
    board = json.loads(prometheus.BOARD.read_text())
    targets = [each for panel in board["panels"] for each in panel.get("targets", [])]
    for target in targets:
        query = target["expr"].replace("$job", job_name).replace("$__rate_interval", "1m")
        assert server.query(query), f"nothing for {query}"
    rules = server.rules()
    assert len(rules) == len(re.findall(r"- alert: ", prometheus.ALERTS.read_text()))
    names = server.names()
    for rule in rules:
        assert rule["health"] == "ok", rule
        assert set(re.findall(r"flink_\w+", rule["query"])) <= names, rule
    return len(targets) + len(rules)
