"""What the report makes of runs that are not alike."""

from __future__ import annotations

from rig.benchmarks import report, results


def run(parallelism: int, number: int, peer: str, cpu_us: float) -> dict:
    return {
        "round": number,
        "backend": "heap",
        "peer": peer,
        "parallelism": parallelism,
        "records": 1000,
        "users": 10,
        "active": 5,
        "cpu_us_per_event": cpu_us,
        "steady_us_per_event": cpu_us,
        "checkpoint_bytes": 1,
    }


def test_runs_of_another_parallelism_stand_apart_and_count_for_no_goal(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(report, "REPORT", tmp_path / "RESULTS.md")
    for each in (
        run(1, 1, "plain", 40),
        run(1, 1, "job", 2),
        run(2, 2, "plain", 14),
        run(2, 2, "job", 2),
    ):
        results.append("pipeline", each)
    runs = results.read("pipeline")
    places = report._by_place("pipeline", runs)
    assert [place.parallelism for place in places] == [2, 1]
    two, one = (report._beside(place, of_place) for place, of_place in places.items())
    assert two[0] == "## The pipeline, state on the heap"
    assert "| plain | 7.00 (7.00 to 7.00) | 7.00 (7.00 to 7.00) |" in two
    assert one[0] == "## The pipeline, state on the heap, parallelism 1"
    assert "| plain | 20.00 (20.00 to 20.00) | 20.00 (20.00 to 20.00) |" in one
    held = [line for line in report._goals({"pipeline": runs}) if "plain / job" in line]
    assert held[0].startswith("| pipeline, heap: CPU, plain / job | at least 6 | 7.00 (7.00 to")
    assert (tmp_path / "cpu-pipeline-heap.svg").exists()
    assert (tmp_path / "cpu-pipeline-heap-1.svg").exists()
