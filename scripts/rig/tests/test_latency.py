"""What the latency level says of the times that it took."""

from __future__ import annotations

from array import array

import pytest

from rig.benchmarks import latency, report, results


def test_shares_are_of_times_in_any_order():
    times_ms = array("d", range(1000, 0, -1))
    shares = latency._shares(times_ms)
    assert shares == {"p50_ms": 501, "p99_ms": 991, "p999_ms": 1000, "most_ms": 1000}


@pytest.mark.parametrize(
    ("text", "setting"),
    [("own", latency.Setting()), ("5/0", latency.Setting(buffer_timeout_ms=5, linger_ms=0))],
)
def test_a_setting_is_written_as_it_is_read(text, setting):
    assert latency.Setting.parse(text) == setting
    assert str(setting) == text


def test_the_report_has_a_row_for_what_was_tried_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    tried = (("own", "own", 20), ("5/2", "own", 90), ("own", "own", 24), ("own", "own", 99))
    for setting, interval, p99_ms in (*tried, ("own", "5s", 30)):
        run = {"setting": setting, "options": [], "checkpoint_interval": interval, "p99_ms": p99_ms}
        for figure in ("highest_rate", "rate", "machine_busy", "p50_ms", "p999_ms"):
            run[figure] = 1
        results.append(latency.LEVEL, {**run, "cpu_us_per_event": 1})
    results.append(latency.LEVEL, {**run, "cpu_us_per_event": 1, "given_rate": 5000})
    own, other, more_often, given = [
        line for line in report._latency() if line.startswith(("| own", "| 5/2"))
    ]
    assert own.startswith("| own | own | 3 |")
    assert "| 24.00 (20.00 to 99.00) |" in own
    assert own.endswith("| reached |")
    assert other.endswith("| **not reached** |")
    assert more_often.startswith("| own | 5s | 1 |")
    assert given.endswith("|  |"), "no goal is of a rate that was given"
