"""The command line of scripts/bench."""

from __future__ import annotations

import argparse

from rich.console import Console

from rig import layout
from rig.benchmarks import pipeline

PEERS = ("plain", "stock", "job", "job@0", "twin", "identity", "getput")
BACKENDS = ("heap", "rocksdb", "rocksdb-heap-timers")


def main() -> int:
    options = _parser().parse_args()
    console = Console()
    layout.RUNS.mkdir(exist_ok=True)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    levels = parser.add_subparsers(required=True, metavar="LEVEL")
    level = levels.add_parser("pipeline", help=pipeline.__doc__)
    level.add_argument("--rounds", type=int, default=7)
    level.add_argument("--backend", action="append", choices=BACKENDS)
    level.add_argument("--peer", action="append", choices=PEERS)
    level.add_argument("--parallelism", type=int, default=2)
    for name, value in pipeline.Load()._asdict().items():
        level.add_argument(f"--{name}", type=int, default=value)
    return parser
