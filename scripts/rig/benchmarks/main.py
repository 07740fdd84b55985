"""The command line of scripts/bench."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from rich.console import Console

from rig import job, layout
from rig.benchmarks import (
    against_replay,
    crossing,
    latency,
    on_kafka,
    one_thread,
    pipeline,
    report,
    results,
    scale,
)

BACKENDS = ("heap", "rocksdb", "rocksdb-heap-timers")


def main() -> int:
    options = _parser().parse_args()
    layout.RUNS.mkdir(exist_ok=True)
    return options.run(Console(), options)


def _peers(console: Console, options: argparse.Namespace) -> int:
    level = options.level
    if options.anew:
        results.clear(level.LEVEL)
    pipeline.build(layout.RUNS / "bench-build.log")
    level.measure(
        console,
        rounds=options.rounds,
        backends=options.backend or list(BACKENDS),
        peers=options.peer or list(level.PEERS),
        parallelism=options.parallelism,
        load=pipeline.Load(options.records, options.users, options.active),
    )
    return 0


def _latency(console: Console, options: argparse.Namespace) -> int:
    if options.anew:
        results.clear(latency.LEVEL)
    if job.stale():
        job.build(layout.RUNS / "bench-build.log")
    latency.measure(
        console,
        rounds=options.rounds,
        settings=options.setting or [latency.Setting()],
        conditions=latency.Conditions(
            options=options.option or [],
            rate=options.rate,
            checkpoint_interval=options.checkpoint_interval,
            seconds=options.seconds,
            parallelism=options.parallelism,
        ),
    )
    return 0


def _scale(console: Console, options: argparse.Namespace) -> int:
    if options.anew:
        results.clear(scale.LEVEL)
    pipeline.build(layout.RUNS / "bench-build.log")
    scale.measure(console, rounds=options.rounds, most_users=options.most_users)
    return 0


def _crossing(console: Console, _: argparse.Namespace) -> int:
    results.clear(crossing.LEVEL)
    pipeline.build(layout.RUNS / "bench-build.log")
    crossing.measure(console)
    return 0


def _operator(console: Console, options: argparse.Namespace) -> int:
    results.clear(one_thread.LEVEL)
    pipeline.build(layout.RUNS / "bench-build.log")
    one_thread.measure(console, peers=options.peer or list(one_thread.PEERS))
    return 0


def _replay(console: Console, options: argparse.Namespace) -> int:
    equal = against_replay.measure(
        console,
        log=against_replay.Log(options.records, options.users, options.active),
        parallelism=options.parallelism,
        memory=options.memory,
    )
    return 0 if equal else 1


def _report(console: Console, options: argparse.Namespace) -> int:
    report.write(console)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    levels = parser.add_subparsers(required=True, metavar="LEVEL")
    for module in (pipeline, on_kafka):
        level = levels.add_parser(module.LEVEL, help=module.__doc__)
        level.set_defaults(run=_peers, level=module)
        level.add_argument("--rounds", type=int, default=7)
        level.add_argument("--anew", action="store_true", help="forget the results that are kept")
        level.add_argument("--backend", action="append", choices=BACKENDS)
        level.add_argument("--peer", action="append", choices=module.PEERS)
        _add_load(level, module.LOAD)
    level = levels.add_parser(latency.LEVEL, help=latency.__doc__)
    level.set_defaults(run=_latency)
    level.add_argument("--anew", action="store_true", help="forget the results that are kept")
    level.add_argument(
        "--setting",
        action="append",
        type=latency.Setting.parse,
        metavar="BUFFER-TIMEOUT/LINGER",
        help="milliseconds; may be given more than once; 'own', the job's own, without it",
    )
    level.add_argument(
        "--option",
        action="append",
        metavar="--NAME=VALUE",
        help="an option of the job, for all settings; may be given more than once",
    )
    level.add_argument("--rounds", type=int, default=3)
    level.add_argument(
        "--rate", type=int, help="records a second; half of the highest load without it"
    )
    level.add_argument("--checkpoint-interval", help="the job's own without it")
    level.add_argument("--seconds", type=int, default=90, help="for which times are taken")
    level.add_argument("--parallelism", type=int, default=2)
    level = levels.add_parser(crossing.LEVEL, help=crossing.__doc__)
    level.set_defaults(run=_crossing)
    level = levels.add_parser(one_thread.LEVEL, help=one_thread.__doc__)
    level.set_defaults(run=_operator)
    level.add_argument("--peer", action="append", choices=one_thread.PEERS)
    level = levels.add_parser(scale.LEVEL, help=scale.__doc__)
    level.set_defaults(run=_scale)
    level.add_argument("--anew", action="store_true", help="forget the results that are kept")
    level.add_argument("--rounds", type=int, default=3)
    level.add_argument("--most-users", type=int, default=10_000_000)
    level = levels.add_parser("replay", help=against_replay.__doc__)
    level.set_defaults(run=_replay)
    level.add_argument("--memory", default="2gb", help="of session-replay")
    _add_load(level, against_replay.Log())
    level = levels.add_parser("report", help=report.__doc__)
    level.set_defaults(run=_report)
    return parser


def _add_load(level: argparse.ArgumentParser, load: NamedTuple) -> None:
    level.add_argument("--parallelism", type=int, default=2)
    for name in ("records", "users", "active"):
        level.add_argument(f"--{name}", type=int, default=getattr(load, name))
