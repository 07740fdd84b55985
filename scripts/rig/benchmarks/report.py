"""The report: tables of medians, ratios with their spread, the goals, and plots."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pygal
from pygal.style import CleanStyle
from rich.console import Console

from rig import layout
from rig.benchmarks import crossing, latency, one_thread, results, scale
from rig.benchmarks.results import Spread

REPORT = results.FOLDER.parent / "RESULTS.md"
CPU, STEADY = "cpu_us_per_event", "steady_us_per_event"
LEVELS = {
    "pipeline": "The pipeline",
    "kafka": "Kafka to Kafka",
}
TITLES = {
    "heap": "state on the heap",
    "rocksdb": "RocksDB, timers in RocksDB",
    "rocksdb-heap-timers": "RocksDB, timers on the heap",
}
COLUMNS = {
    CPU: ("CPU, us a record", 1),
    STEADY: ("without compiling", 1),
    "wall_us_per_event": ("wall, us a record", 1),
    "gc_us_per_event": ("GC, us a record", 1),
    "checkpoint_bytes": ("checkpoint, MB", 1e6),
    "rss_kb": ("peak memory, MB", 1024),
}


# What the goals are held against.
GOALS_PARALLELISM = 2


class Place(NamedTuple):
    """Where peers are beside each other."""

    level: str
    backend: str
    parallelism: int

    @property
    def title(self) -> str:
        place = f"{LEVELS[self.level]}, {TITLES[self.backend]}"
        return place if self.is_of_goals else f"{place}, parallelism {self.parallelism}"

    @property
    def is_of_goals(self) -> bool:
        return self.parallelism == GOALS_PARALLELISM

    @property
    def plot(self) -> Path:
        more = "" if self.is_of_goals else f"-{self.parallelism}"
        return results.FOLDER / f"cpu-{self.level}-{self.backend}{more}.svg"


class Goal(NamedTuple):
    """A bound on the ratio of two peers."""

    level: str
    backend: str
    figure: str
    over: str
    under: str
    least: float | None
    most: float | None

    def holds(self, median: float) -> bool:
        return (self.least is None or median >= self.least) and (
            self.most is None or median <= self.most
        )

    def __str__(self) -> str:
        bounds = [f"at least {self.least:g}"] if self.least is not None else []
        bounds += [f"at most {self.most:g}"] if self.most is not None else []
        return " and ".join(bounds)


GOALS = (
    Goal("pipeline", "rocksdb", CPU, "plain", "job", 5, None),
    Goal("pipeline", "heap", CPU, "plain", "job", 6, None),
    Goal("pipeline", "rocksdb", CPU, "stock", "job", 9, None),
    Goal("pipeline", "heap", CPU, "stock", "job", 2.1, None),
    Goal("pipeline", "heap", CPU, "job", "twin", None, 1.25),
    Goal("pipeline", "rocksdb", CPU, "job", "twin", None, 1.25),
    Goal("pipeline", "heap", CPU, "job", "identity", None, 2.0),
    Goal("pipeline", "rocksdb", "checkpoint_bytes", "plain", "job", 5, None),
    Goal("pipeline", "heap", "checkpoint_bytes", "plain", "job", 5, None),
    Goal("kafka", "heap", CPU, "job", "identity", None, 1.25),
    Goal("kafka", "rocksdb", CPU, "job", "identity", None, 1.45),
)


def write(console: Console) -> None:
    """Writes the report of all results that are kept."""
    levels = {level: results.read(level) for level in LEVELS}
    levels = {level: runs for level, runs in levels.items() if runs}
    if not levels:
        console.print("no results yet: scripts/bench pipeline")
        return
    text = [
        "# Results",
        "",
        "Made by `scripts/bench report` from the runs in `results/`.",
        "Times vary from machine to machine and from hour to hour; what counts is the ratio of two",
        "peers in the same round. Medians, with the smallest and the largest in brackets.",
        "*Without compiling* leaves out what the JVM's compiler took: a job pays it once.",
        "",
    ]
    for level, runs in levels.items():
        for place, of_place in _by_place(level, runs).items():
            text += _beside(place, of_place)
    text += _crossing()
    text += _operator()
    text += _scale()
    text += _latency()
    text += _goals(levels)
    REPORT.write_text("\n".join(text).rstrip() + "\n")
    console.print(f"wrote {REPORT.relative_to(layout.PROJECT)}")


def _machine(runs: list[dict]) -> list[str]:
    """A paragraph that names the machine of these runs, or machines."""
    return ["Measured on " + "; ".join(sorted({run["machine"] for run in runs})) + ".", ""]


def _by_place(level: str, runs: list[dict]) -> dict[Place, list[dict]]:
    """The runs of each place; the places of the goals come first."""
    by_place: dict[Place, list[dict]] = {}
    for run in runs:
        by_place.setdefault(Place(level, run["backend"], run["parallelism"]), []).append(run)
    in_order = list(TITLES)
    return dict(
        sorted(
            by_place.items(),
            key=lambda each: (
                not each[0].is_of_goals,
                each[0].parallelism,
                in_order.index(each[0].backend),
            ),
        )
    )


def _beside(place: Place, runs: list[dict]) -> list[str]:
    peers = list(dict.fromkeys(run["peer"] for run in runs))
    load = runs[0]
    rounds = len({run["round"] for run in runs})
    columns = {figure: column for figure, column in COLUMNS.items() if figure in load}
    text = [
        f"## {place.title}",
        "",
        f"{_loads(runs)} records of {load['users']:,} users, {load['active']:,} active at a"
        f" time; parallelism {place.parallelism}; {rounds} round{'s' if rounds > 1 else ''}.",
        "",
        *_machine(runs),
        *_table(
            ["peer", *(title for title, _ in columns.values())],
            [
                [
                    peer,
                    *(_spread(runs, peer, figure, unit) for figure, (_, unit) in columns.items()),
                ]
                for peer in peers
            ],
        ),
        "",
        "Times the job's CPU:",
        "",
        *_table(
            ["peer", "CPU", "without compiling"],
            [
                [peer, *(_ratio(runs, figure, peer, "job") for figure in (CPU, STEADY))]
                for peer in peers
                if peer != "job"
            ],
        ),
        "",
        f"![CPU a record]({_plot(place, runs, peers).relative_to(REPORT.parent)})",
        "",
    ]
    return text


def _crossing() -> list[str]:
    runs = results.read(crossing.LEVEL)
    if not runs:
        return []
    return [
        "## The crossing",
        "",
        "One call from Java with the copies in and out, wall time by JMH; the twin crosses",
        "nothing.",
        "",
        *_machine(runs),
        *_table(
            ["call", "ns"],
            [[crossing.CALLS[run["call"]], _nanoseconds(run["rounds_ns"])] for run in runs],
        ),
        "",
    ]


def _nanoseconds(rounds: list[float]) -> str:
    spread = Spread.of(rounds)
    return f"{spread.median:.0f} ({spread.least:.0f} to {spread.most:.0f})"


def _operator() -> list[str]:
    """What a thread executes for a record, and how that holds against the goal."""
    runs = results.read(one_thread.LEVEL)
    if not runs:
        return []
    counts = {run["peer"]: run["instructions"] for run in runs}
    text = [
        "## One thread",
        "",
        "Decode, the serializer of the shuffle there and back, the operator in Flink's harness",
        "with its state on the heap, the producer's record: what the thread executes, by",
        "callgrind. It does not change from run to run; nor does it know of caches that miss.",
        "",
        *_machine(runs),
        *_table(
            ["peer", "instructions a record"],
            [[peer, f"{count:,.0f}"] for peer, count in counts.items()],
        ),
        "",
    ]
    if {"job", "twin"} <= counts.keys():
        ratio = counts["job"] / counts["twin"]
        most = one_thread.MOST_OVER_TWIN
        text += [
            f"The job's are {ratio:.2f} times the twin's; at most {most:g} times was the goal:"
            f" {_reached(ratio <= most)}.",
            "",
        ]
    return text


def _scale() -> list[str]:
    """What an event costs with more and more keys, and how that holds against the goals."""
    runs = results.read(scale.LEVEL)
    if not runs:
        return []
    by_case: dict[tuple, list[dict]] = {}
    for run in runs:
        case = (run["backend"], run["peer"], run["users"], run["active"])
        by_case.setdefault(case, []).append(run)
    rows = []
    for (backend, peer, users, active), of_case in by_case.items():
        rows.append(
            [
                f"{peer}, {backend}",
                f"{users:,}",
                f"{active:,}",
                str(Spread.of(run[STEADY] for run in of_case)),
                f"{Spread.of(run['checkpoint_bytes'] / users for run in of_case).median:,.0f}",
                f"{Spread.of(run['end_ms'] / 1000 for run in of_case).median:.1f}",
            ]
        )
    return [
        "## Scale",
        "",
        "Every session is open, RocksDB at rest; then events of the active users, so many that it",
        f"is {scale.RECORDS_OF_FEW:,} records in all where few are active, else {scale.EVENTS:,}.",
        "*State* is a full checkpoint by the key, *end* the time from the last record until every",
        "timer has fired, all of them due at once, and the job has ended.",
        "",
        *_machine(runs),
        *_table(
            ["peer", "keys", "active", "CPU without compiling, us", "state, bytes", "end, s"], rows
        ),
        "",
        *_scale_goals(by_case),
        "",
    ]


def _scale_goals(by_case: dict[tuple, list[dict]]) -> list[str]:
    """Each round's figure over the same round's: with few active keys, and with none cached."""

    def ratio(over: tuple, under: tuple) -> Spread | None:
        under_by_round = {run["round"]: run[STEADY] for run in by_case.get(under, [])}
        found = [
            run[STEADY] / under_by_round[run["round"]]
            for run in by_case.get(over, [])
            if run["round"] in under_by_round
        ]
        return Spread.of(found) if found else None

    few = [users for _, peer, users, active in by_case if peer == "job" and active < users]
    wanted = []
    if few:
        most = max(few)
        wanted.append(
            (
                f"{most:,} keys / {scale.ACTIVE:,} keys, as many active",
                ratio(
                    ("rocksdb", "job", most, scale.ACTIVE),
                    ("rocksdb", "job", scale.ACTIVE, scale.ACTIVE),
                ),
            )
        )
    wanted += [
        (
            f"every event misses the cache, job / getput, {users:,} keys",
            ratio(("rocksdb", "job", users, users), ("rocksdb", "getput", users, users)),
        )
        for _, peer, users, _ in by_case
        if peer == "getput"
    ]
    return _table(
        ["ratio", "goal", "CPU without compiling"],
        [
            [
                name,
                f"at most {scale.MOST_RATIO:g}",
                f"{spread} {_reached(spread.median <= scale.MOST_RATIO)}",
            ]
            for name, spread in wanted
            if spread
        ],
    )


def _latency() -> list[str]:
    """Runs that tried the same, as one row."""
    kept = results.read(latency.LEVEL)
    tried: dict[tuple[str, str, int | None], list[dict]] = {}
    for run in kept:
        name = " ".join([run["setting"], *run["options"]])
        alike = name, run["checkpoint_interval"], run.get("given_rate")
        tried.setdefault(alike, []).append(run)
    if not tried:
        return []
    columns = {
        "highest_rate": ("highest, thousand records/s", 1e3),
        "rate": ("load, thousand records/s", 1e3),
        "machine_busy": ("machine busy", 1),
        "p50_ms": ("p50, ms", 1),
        "p99_ms": ("p99, ms", 1),
        "p999_ms": ("p99.9, ms", 1),
        "cpu_us_per_event": ("CPU, us a record", 1),
    }
    rows = []
    for (name, interval, given_rate), runs in tried.items():
        spreads = {
            figure: Spread.of(run[figure] / unit for run in runs)
            for figure, (_, unit) in columns.items()
        }
        # The goal is of half of the highest load.
        reached = "" if given_rate else _reached(spreads["p99_ms"].median <= latency.MOST_P99_MS)
        rows.append([name, interval, str(len(runs)), *map(str, spreads.values()), reached])
    return [
        "## From log-before to log-after",
        "",
        "At least once, RocksDB; broker and generator on the same machine. From when a record is",
        "made until the broker has it on log-after. *Setting*: Flink's buffer timeout and the",
        "producer's linger, in milliseconds; *own* is what the job does by itself; then options of",
        "the job. A checkpoint interval of its *own* is 30 s. Goal: a p99 of at most",
        f"{latency.MOST_P99_MS} ms at half of the highest load.",
        "",
        *_machine(kept),
        *_table(
            ["setting", "checkpoints", "runs", *(title for title, _ in columns.values()), "goal"],
            rows,
        ),
        "",
    ]


def _goals(levels: dict[str, list[dict]]) -> list[str]:
    rows = []
    for goal in GOALS:
        runs = levels.get(goal.level, [])
        measured = _held(runs, goal, goal.figure)
        if measured:
            of = "checkpoint" if goal.figure == "checkpoint_bytes" else "CPU"
            ratio = f"{goal.level}, {goal.backend}: {of}, {goal.over} / {goal.under}"
            steady = _held(runs, goal, STEADY) if goal.figure == CPU else ""
            rows.append([ratio, str(goal), measured, steady])
    return [
        "## Goals",
        "",
        "Held against all CPU of the runs, and against that without compiling, which is nearer to",
        "what a job costs that runs for weeks: a run here takes some seconds.",
        "",
        *_table(["ratio", "goal", "all CPU", "without compiling"], rows),
        "",
    ]


def _held(runs: list[dict], goal: Goal, figure: str) -> str:
    """A ratio, and whether it reaches the goal; empty where it was not measured."""
    where = {"backend": goal.backend, "parallelism": GOALS_PARALLELISM}
    spread = results.ratios(runs, figure, goal.over, goal.under, **where)
    if not spread:
        return ""
    return f"{spread} {_reached(goal.holds(spread.median))}"


def _reached(holds: bool) -> str:
    return "reached" if holds else "**not reached**"


def _loads(runs: list[dict]) -> str:
    """How many records the runs took: not all rounds have as many."""
    return " or ".join(f"{records:,}" for records in sorted({run["records"] for run in runs}))


def _spread(runs: list[dict], peer: str, figure: str, unit: float) -> str:
    values = [run[figure] / unit for run in runs if run["peer"] == peer and run[figure] >= 0]
    return str(Spread.of(values)) if values else "none"


def _ratio(runs: list[dict], figure: str, over: str, under: str) -> str:
    spread = results.ratios(runs, figure, over, under)
    return str(spread) if spread else "none"


def _table(columns: list[str], rows: list[list[str]]) -> list[str]:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return [line(columns), line(["---", *["---:"] * (len(columns) - 1)]), *map(line, rows)]


def _plot(place: Place, runs: list[dict], peers: list[str]) -> Path:
    """Bars of the medians, each with a line from the smallest to the largest."""
    chart = pygal.HorizontalBar(
        title=f"{place.title}: CPU a record, us",
        style=CleanStyle,
        width=900,
        height=70 + 45 * len(peers),
        show_legend=False,
        print_values=True,
        value_formatter=lambda value: f"{value:.1f}",
        js=(),
        no_prefix=True,
        disable_xml_declaration=True,
    )
    chart.x_labels = peers[::-1]
    chart.add(
        "CPU",
        [
            {"value": each.median, "ci": {"low": each.least, "high": each.most}}
            for each in (
                Spread.of(run[CPU] for run in runs if run["peer"] == peer) for peer in peers[::-1]
            )
        ],
    )
    place.plot.write_text(chart.render(is_unicode=True))
    return place.plot
