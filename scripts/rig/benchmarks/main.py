"""The command line of scripts/bench."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from rich.console import Console

from rig import layout
from rig.benchmarks import against_replay, pipeline, report, results

PEERS = ("plain", "stock", "job", "job@0", "twin", "identity", "getput")
BACKENDS = ("heap", "rocksdb", "rocksdb-heap-timers")


def main() -> int:
    options = _parser().parse_args()
    layout.RUNS.mkdir(exist_ok=True)
    return options.run(Console(), options)


def _pipeline(console: Console, options: argparse.Namespace) -> int:
    if options.anew:
        results.clear(pipeline.LEVEL)
    pipeline.build(layout.RUNS / "bench-build.log")
    pipeline.measure(
        console,
        rounds=options.rounds,
        backends=options.backend or list(BACKENDS),
        peers=options.peer or list(PEERS),
        parallelism=options.parallelism,
        load=pipeline.Load(options.records, options.users, options.active),
    )
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
    level = levels.add_parser("pipeline", help=pipeline.__doc__)
    level.set_defaults(run=_pipeline)
    level.add_argument("--rounds", type=int, default=7)
    level.add_argument("--anew", action="store_true", help="forget the results that are kept")
    level.add_argument("--backend", action="append", choices=BACKENDS)
    level.add_argument("--peer", action="append", choices=PEERS)
    _add_load(level, pipeline.Load())
    level = levels.add_parser("replay", help=against_replay.__doc__)
    level.set_defaults(run=_replay)
    level.add_argument("--memory", default="2gb", help="of session-replay")
    _add_load(level, against_replay.Log())
    level = levels.add_parser("report", help=report.__doc__)
    level.set_defaults(run=_report)
    return parser


def _add_load(level: argparse.ArgumentParser, load: NamedTuple) -> None:
    level.add_argument("--parallelism", type=int, default=2)
    for name, value in load._asdict().items():
        level.add_argument(f"--{name}", type=int, default=value)
