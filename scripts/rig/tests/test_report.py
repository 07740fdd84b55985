"""The report's figures, and a page that loads nothing and trusts no text of a record."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from rig import load, report_page
from rig.ledger import REASON
from rig.records import Origin, StoredRecord
from rig.report import MINUTE_MS, Report

START_MS = load.START_MS // MINUTE_MS * MINUTE_MS


def output(session: str, seq: int, start: int, last: int, expires: int) -> StoredRecord:
    """An output whose session has these times, in minutes."""
    label = {
        "session_id": session,
        "session_start_ts": START_MS + start * MINUTE_MS,
        "session_last_ts": START_MS + last * MINUTE_MS,
        "session_expire_at": START_MS + expires * MINUTE_MS,
        "seq_in_session": seq,
    }
    return StoredRecord(Origin("out", 0, 0), session.encode(), json.dumps(label).encode())


def report(reason: str = "invalid_json") -> Report:
    report = Report("in", "out", "in.dlq", 5, {0: 0, 1: 1})
    report.enter_output(output("a", 1, 0, 0, 30))
    report.enter_output(output("a", 2, 0, 10, 40))
    report.enter_output(output("b", 1, 5, 5, 35))
    report.enter_dead_letter(
        StoredRecord(Origin("in.dlq", 0, 0), None, b"", ((REASON, reason.encode()),))
    )
    return report


class Parts(HTMLParser):
    """What a page names from elsewhere, and its text."""

    def __init__(self, page: str):
        super().__init__()
        self.elsewhere = []
        self.tags = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.elsewhere += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_a_session_counts_once_as_its_newest_output_shows_it():
    first = START_MS // MINUTE_MS
    assert report().outputs == 3
    assert report().started_by_minute() == {first: 1, first + 5: 1}
    assert report().open_by_minute() == {first: 1, first + 5: 2, first + 36: 1, first + 41: 0}
    assert sorted(report().durations_ms()) == [0, 10 * MINUTE_MS]


def test_an_event_that_rode_along_alone_is_no_session():
    alone = output("a", 0, 0, 0, 0)
    label = {**json.loads(alone.value), "session_id": None}
    empty = Report("in", "out", "in.dlq", 1, {})
    empty.enter_output(StoredRecord(alone.origin, None, json.dumps(label).encode()))
    assert (empty.outputs, empty.sessions) == (1, {})


def test_the_page_stands_alone_and_shows_the_figures():
    parts = Parts(report_page.page(report()))
    assert parts.elsewhere == []
    assert "script" not in parts.tags
    for text in ("invalid_json", "records in", "Median 5.0 min; 1.5 events a session"):
        assert text in parts.text


def test_text_of_a_record_is_text_on_the_page():
    parts = Parts(report_page.page(report("<script>alert(1)</script>")))
    assert "script" not in parts.tags
    assert "<script>alert(1)</script>" in parts.text


def test_a_page_of_nothing():
    assert "Nothing yet" in report_page.page(Report("in", "out", "in.dlq", 0, {}))
