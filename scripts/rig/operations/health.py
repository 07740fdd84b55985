"""How a job does, as its REST API tells."""

from __future__ import annotations

import time
from typing import NamedTuple

from rig.operations.site import Site

WATERMARK = "currentOutputWatermark"
LAG = "pendingRecords"
DEAD_LETTERS = ".deadLetters"
# What Flink shows as long as there is no watermark.
NO_WATERMARK = -(2**63)


class Line(NamedTuple):
    """`well` is False where an operator should look."""

    name: str
    value: str
    well: bool = True


def lines(site: Site, job_id: str) -> list[Line]:
    job = site.rest.job(job_id)
    now_ms = job["now"]
    restarts = site.rest.restarts(job_id)
    found = [
        Line("job", f"{job['name']}, {job_id}"),
        Line("state", job["state"], job["state"] == "RUNNING"),
        Line("up for", _duration(now_ms - job["start-time"])),
        Line("restarts", str(restarts), restarts == 0),
        *_checkpoint_lines(site, job_id, now_ms),
    ]
    lag: list[float] = []
    watermarks: list[float] = []
    dead: list[float] = []
    for task in job["vertices"]:
        source = task["name"].startswith("Source: ")
        names = (DEAD_LETTERS, *((LAG, WATERMARK) if source else ()))
        values = site.rest.metrics(job_id, task["id"], *names)
        dead += values[DEAD_LETTERS]
        lag += values.get(LAG, [])
        watermarks += values.get(WATERMARK, [])
    found.append(Line("lag", f"{sum(lag):,.0f} records" if lag else "not known"))
    found.append(_watermark_line(watermarks))
    found.append(Line("dead letters", f"{sum(dead):,.0f} since the last restart", not sum(dead)))
    return found


def _checkpoint_lines(site: Site, job_id: str, now_ms: int) -> list[Line]:
    answer = site.rest.checkpoints(job_id)
    counts, completed = answer["counts"], answer["latest"]["completed"]
    counted = Line(
        "checkpoints",
        f"{counts['completed']} completed, {counts['failed']} failed",
        counts["failed"] == 0,
    )
    if completed is None:
        return [Line("last checkpoint", "none yet", False), counted]
    age = _duration(now_ms - completed["latest_ack_timestamp"])
    took = f"{completed['end_to_end_duration'] / 1000:.1f} s"
    size = f"{completed['state_size'] / 1e6:.1f} MB"
    told = f"{age} ago, {size} in {took}, {completed['external_path']}"
    return [Line("last checkpoint", told), counted]


def _watermark_line(watermarks: list[float]) -> Line:
    known = [each for each in watermarks if each > NO_WATERMARK]
    if not known:
        return Line("watermark lag", "no watermark yet")
    return Line("watermark lag", _duration(time.time() * 1000 - min(known)))


def _duration(ms: float) -> str:
    seconds = max(0, int(ms / 1000))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds} s"
