"""The table of faults takes the newest result of each, and keeps what it has of the others."""

from __future__ import annotations

import json

from rig.faults import main, results  # noqa: F401 (main makes the faults known)

PAGE = f"""before
{results.BEGIN}
| fault | expected | delivery |
|---|---|---|
| `broker-killed-5s`: old words | a | at-least-once | 200,000 | of another machine |
| `broker-killed-5s`: old words | a | exactly-once | 200,000 | of another machine |
| `no-such-fault`: gone | a | at-least-once | 200,000 | 0 |
{results.END}
after
"""


def result(fault: str, delivery: str, planned: int, failure: str = "") -> str:
    return json.dumps(
        {
            **{"fault": fault, "delivery": delivery, "planned": planned, "failure": failure},
            **{"records": planned, "recovery_s": 9.8, "reported": None, "notes": []},
        }
    )


def test_a_row_stays_until_there_is_a_newer_result(tmp_path, monkeypatch):
    kept = tmp_path / "results.jsonl"
    kept.write_text(
        "\n".join(
            (
                result("broker-killed-5s", "at-least-once", 200_000, failure="3 missing"),
                result("broker-killed-5s", "at-least-once", 200_000),
                # Of the test command, which has not all the records.
                result("broker-killed-5s", "exactly-once", 50_000),
            )
        )
    )
    monkeypatch.setattr(results, "KEPT", kept)
    page = tmp_path / "faults.md"
    page.write_text(PAGE)
    missing = results.write_table(page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == 2
    assert "| 10 s | PASS |" in rows[0]
    assert rows[1].endswith("| exactly-once | 200,000 | of another machine |")
    assert "task-manager-killed (at-least-once)" in missing
    assert not any(each.startswith("broker-killed-5s ") for each in missing)
