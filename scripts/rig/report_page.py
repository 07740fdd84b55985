"""The page of a report: HTML and SVG that load nothing, for a browser with or without scripts."""

from __future__ import annotations

import datetime
import html
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rig.report import Report

WIDTH, HEIGHT = 900, 180
MARGIN = 44
# More bars than that are no longer told apart.
MOST_BARS = 120
MINUTE_MS = 60_000
# Widths of a bar in minutes that a clock can name.
BAR_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 7 * 1440, 30 * 1440)
# Bounds of the durations' bars; the last one takes the rest.
DURATIONS = (
    ("one event", 0),
    ("to 1 min", 1),
    ("to 10 min", 10),
    ("to 30 min", 30),
    ("to 1 h", 60),
    ("to 3 h", 180),
    ("to 6 h", 360),
    ("to 12 h", 720),
    ("longer", None),
)

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --faint: #64748b; --line: #d8dee6;
  --bar: #2563a8; --bad: #b3382c; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --faint: #94a3b8; --line: #334155;
  --bar: #6aa7e8; --bad: #ef8379; --paper: #10161d; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 940px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2.2rem 0 .2rem; }
p { color: var(--faint); margin: .2rem 0 .6rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1.4rem 0; }
.figures b { display: block; font-size: 1.6rem; font-weight: 600; } .bad b { color: var(--bad); }
svg { width: 100%; height: auto; } .bar { fill: var(--bar); } .bar.bad { fill: var(--bad); }
.area { fill: var(--bar); fill-opacity: .25; stroke: var(--bar); stroke-width: 1.5; }
text { font-size: 12px; fill: var(--faint); } line { stroke: var(--line); }
table { border-collapse: collapse; } td, th { text-align: left; padding: .15rem 1.6rem .15rem 0; }
td + td, th + th { text-align: right; font-variant-numeric: tabular-nums; }
th { font-weight: normal; color: var(--faint); border-bottom: 1px solid var(--line); }
"""


def page(report: Report) -> str:
    """The whole page."""
    now = datetime.datetime.now(datetime.timezone.utc)
    dead = sum(report.dead_letters.values())
    open_now = _open_at_the_end(report)
    figures = (
        ("records in", report.records_in, False),
        ("records out", report.outputs, False),
        ("dead letters", dead, dead > 0),
        ("sessions", len(report.sessions), False),
        ("open at the last event", open_now, False),
        ("lag, records", sum(report.lag.values()), False),
    )
    title = f"{report.input_topic} to {report.output_topic}"
    started = _in_bars(report.started_by_minute())
    open_by_minute = report.open_by_minute()
    parts = [
        f"<h1>Sessions: {html.escape(title)}</h1>",
        f"<p>Read from the topics at {now:%Y-%m-%d %H:%M:%S} UTC. "
        "Times on the axes are event times, UTC.</p>",
        '<div class="figures">',
        *(
            f'<div class="{"bad" if bad else ""}"><b>{value:,}</b>{name}</div>'
            for name, value, bad in figures
        ),
        "</div>",
        "<h2>Sessions started a minute</h2>",
        _note_of_bars(started),
        _bars(started),
        "<h2>Open sessions</h2>",
        "<p>From a session's start to its expiry as last known.</p>",
        _area(open_by_minute),
        "<h2>Duration</h2>",
        _note_of_durations(report),
        _columns(_by_duration(report.durations_ms())),
        "<h2>Dead letters</h2>",
        _table(("reason", "records"), report.dead_letters.most_common(), "None."),
        "<h2>Lag</h2>",
        "<p>Records that no completed checkpoint has taken yet, by partition of the input.</p>",
        _table(("partition", "records"), sorted(report.lag.items()), "No partition."),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Sessions: {html.escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _open_at_the_end(report: Report) -> int:
    newest = max((each.last_ms for each in report.sessions.values()), default=0)
    return sum(1 for each in report.sessions.values() if each.start_ms <= newest <= each.expires_ms)


def _in_bars(by_minute: dict[int, int]) -> tuple[int, dict[int, float]]:
    """The width of a bar in minutes, and {minute a bar begins: average a minute}."""
    if not by_minute:
        return 1, {}
    span = max(by_minute) - min(by_minute) + 1
    width = next((each for each in BAR_MINUTES if span / each <= MOST_BARS), BAR_MINUTES[-1])
    first, last = (minute // width * width for minute in (min(by_minute), max(by_minute)))
    bars = dict.fromkeys(range(first, last + 1, width), 0.0)
    for minute, count in by_minute.items():
        bars[minute // width * width] += count / width
    return width, bars


def _note_of_bars(bars: tuple[int, dict[int, float]]) -> str:
    width, _ = bars
    return f"<p>A bar is {_minutes(width)}.</p>" if width > 1 else ""


def _bars(bars: tuple[int, dict[int, float]]) -> str:
    width, by_minute = bars
    if not by_minute:
        return "<p>Nothing yet.</p>"
    first, last = min(by_minute), max(by_minute) + width
    top = max(by_minute.values())
    drawn = []
    for minute, value in by_minute.items():
        left, right = _x(minute, first, last), _x(minute + width, first, last)
        height = value / top * HEIGHT
        drawn.append(
            f'<rect class="bar" x="{left:.1f}" y="{HEIGHT - height + 10:.1f}" '
            f'width="{max(right - left - 1, 0.5):.1f}" height="{height:.1f}">'
            f"<title>{_clock(minute)}: {value:.2f} a minute</title></rect>"
        )
    return _chart(drawn, top, first, last)


def _area(by_minute: dict[int, int]) -> str:
    if not by_minute:
        return "<p>Nothing yet.</p>"
    first, last = min(by_minute), max(by_minute) + 1
    top = max(by_minute.values())
    points = [f"M {MARGIN} {HEIGHT + 10}"]
    for minute, value in by_minute.items():
        points.append(f"H {_x(minute, first, last):.1f} V {10 + HEIGHT - value / top * HEIGHT:.1f}")
    path = " ".join(points) + f" H {WIDTH} V {HEIGHT + 10} Z"
    return _chart([f'<path class="area" d="{path}"/>'], top, first, last)


def _chart(drawn: list[str], top: float, first: int, last: int) -> str:
    """Axes around what was drawn: the largest value, and times at both ends and between."""
    ticks = [first + (last - first) * part // 4 for part in range(5)]
    anchors = ("start", "middle", "middle", "middle", "end")
    labels = [
        f'<text x="{_x(minute, first, last):.1f}" y="{HEIGHT + 28}" text-anchor="{anchor}">'
        f"{_clock(minute)}</text>"
        for minute, anchor in zip(ticks, anchors)
    ]
    return "".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 34}" role="img">',
            f'<line x1="{MARGIN}" x2="{WIDTH}" y1="10" y2="10"/>',
            *drawn,
            f'<line x1="{MARGIN}" x2="{WIDTH}" y1="{HEIGHT + 10}" y2="{HEIGHT + 10}"/>',
            f'<text x="{MARGIN - 6}" y="14" text-anchor="end">{_short(top)}</text>',
            f'<text x="{MARGIN - 6}" y="{HEIGHT + 14}" text-anchor="end">0</text>',
            *labels,
            "</svg>",
        ]
    )


def _columns(counts: list[tuple[str, int]]) -> str:
    top = max((count for _, count in counts), default=0)
    if top == 0:
        return "<p>Nothing yet.</p>"
    step = (WIDTH - MARGIN) / len(counts)
    drawn = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 44}" role="img">']
    for index, (name, count) in enumerate(counts):
        left, height = MARGIN + index * step, count / top * HEIGHT
        middle, upper = left + step / 2, HEIGHT - height + 20
        drawn += [
            f'<rect class="bar" x="{left + 4:.1f}" y="{upper:.1f}" width="{step - 8:.1f}" '
            f'height="{height:.1f}"/>',
            f'<text x="{middle:.1f}" y="{upper - 5:.1f}" text-anchor="middle">{count:,}</text>',
            f'<text x="{middle:.1f}" y="{HEIGHT + 38}" text-anchor="middle">{name}</text>',
        ]
    return "".join([*drawn, "</svg>"])


def _by_duration(durations_ms: list[int]) -> list[tuple[str, int]]:
    counts = dict.fromkeys((name for name, _ in DURATIONS), 0)
    for duration_ms in durations_ms:
        fits = (
            name
            for name, minutes in DURATIONS
            if minutes is None or duration_ms <= minutes * MINUTE_MS
        )
        counts[next(fits)] += 1
    return list(counts.items())


def _note_of_durations(report: Report) -> str:
    if not report.sessions:
        return ""
    half = statistics.median(report.durations_ms()) / MINUTE_MS
    events = statistics.mean(each.events for each in report.sessions.values())
    return (
        "<p>From a session's first to its newest event. "
        f"Median {half:.1f} min; {events:.1f} events a session on average.</p>"
    )


def _table(heads: tuple[str, str], rows: list[tuple], otherwise: str) -> str:
    if not rows:
        return f"<p>{otherwise}</p>"
    cells = "".join(
        f"<tr><td>{html.escape(str(name))}</td><td>{count:,}</td></tr>" for name, count in rows
    )
    return f"<table><tr><th>{heads[0]}</th><th>{heads[1]}</th></tr>{cells}</table>"


def _x(minute: float, first: int, last: int) -> float:
    return MARGIN + (minute - first) / (last - first) * (WIDTH - MARGIN)


def _clock(minute: int) -> str:
    at = datetime.datetime.fromtimestamp(minute * 60, datetime.timezone.utc)
    return at.strftime("%m-%d %H:%M")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def _minutes(count: int) -> str:
    if count % 1440 == 0:
        return f"{count // 1440} d"
    return f"{count // 60} h" if count % 60 == 0 else f"{count} min"
