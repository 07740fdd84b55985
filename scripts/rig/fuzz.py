"""Fuzzing: the byte formats against oracles that share nothing with the core.

The targets and their oracles are the crate rust-core/fuzz. libFuzzer starts from the small seeds
that stand beside it; what it adds stays in .run/fuzz for the next run, and an input that breaks a
target in .run/fuzz/findings.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from rig import cache, checks, layout

CARGO_FUZZ_VERSION = "0.13.2"
CRATE = layout.PROJECT / "rust-core" / "fuzz"
BUILT = layout.PROJECT / "rust-core" / "target" / "fuzz"
RUN = layout.RUNS / "fuzz"
# Longer inputs find no more here and take longer.
LONGEST_INPUT = 1024
# Here seven bytes are a member of a record, and what is made of them is read many times.
LONGEST_OF = {"output": 192}
# An input that takes longer is a finding too.
SECONDS_PER_INPUT = 10
SHORT_INPUTS = 20_000
LONG_INPUTS = 2_000_000
SHORT_SEED = 1
DICTIONARIES = {"decode": "record.dict", "rules": "rules.dict"}

console = Console()


class FuzzError(Exception):
    """The fuzzer could not be made."""


class Outcome(NamedTuple):
    target: str
    seed: int
    inputs: int
    seconds: float
    finding: str | None


def targets() -> list[str]:
    return sorted(target.stem for target in (CRATE / "fuzz_targets").glob("*.rs"))


def build() -> Path:
    """Builds every target; returns the folder of the programs."""
    tool = cache.provide(f"cargo-fuzz-{CARGO_FUZZ_VERSION}", _install) / "bin" / "cargo-fuzz"
    # No sanitizer: the crates that are fuzzed forbid unsafe code.
    command = [tool, "build", "--fuzz-dir", CRATE, "--sanitizer", "none", "--target-dir", BUILT]
    # libFuzzer's instrumentation is the compiler's, but not yet stable.
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    if subprocess.run(command, cwd=CRATE, env=environment).returncode != 0:
        raise FuzzError("the fuzz targets were not built; the lines above say why")
    (program,) = {each.parent for each in BUILT.glob("*/release/decode")}
    return program


def fuzz(programs: Path, target: str, *, inputs: int, seed: int, keep: bool) -> Outcome:
    """Runs a target; `keep` lets the corpus grow from run to run."""
    run = "long" if keep else "short"
    corpus = RUN / run / target
    findings = RUN / "findings" / target
    if not keep:
        shutil.rmtree(corpus, ignore_errors=True)
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    command = [programs / target, corpus, CRATE / "seeds" / target]
    longest = LONGEST_OF.get(target, LONGEST_INPUT)
    command += [f"-runs={inputs}", f"-seed={seed}", f"-max_len={longest}"]
    command += [f"-timeout={SECONDS_PER_INPUT}", f"-artifact_prefix={findings}/"]
    if target in DICTIONARIES:
        command.append(f"-dict={CRATE / 'dictionaries' / DICTIONARIES[target]}")
    log = RUN / f"{run}-{target}.log"
    began = time.monotonic()
    with log.open("w") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode
    took = time.monotonic() - began
    said = log.read_text(errors="replace")
    # At the end it tells what it ran; where it stopped, each line began with that number.
    done = re.search(r"^Done (\d+) runs", said, re.MULTILINE)
    numbers = [int(number) for number in re.findall(r"^#(\d+)", said, re.MULTILINE)]
    ran = int(done.group(1)) if done else max(numbers, default=0)
    finding = None
    if code != 0 or ran < inputs:
        saved = re.search(r"Test unit written to (\S+)", said)
        finding = f"{saved.group(1) if saved else f'ended with {code}'}; see {log}"
    return Outcome(target, seed, ran, took, finding)


def run(names: list[str], *, inputs: int, seed: int, keep: bool = True) -> list[Outcome]:
    """Runs targets one after the other and shows a table of what ran."""
    if shutil.which("c++") is None:
        raise FuzzError("libFuzzer needs a C++ compiler (apt install build-essential)")
    programs = build()
    outcomes = []
    for name in names:
        outcome = fuzz(programs, name, inputs=inputs, seed=seed, keep=keep)
        said = outcome.finding or "no finding"
        console.print(
            f"{name:8} {outcome.inputs:,} inputs in {outcome.seconds:.0f} s: {said}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        outcomes.append(outcome)
    console.print(_table(outcomes))
    return outcomes


def main() -> int:
    options = _parser().parse_args()
    missing = checks.missing_tools()
    if missing:
        sys.stderr.write(checks.sentence(missing))
        return 2
    try:
        outcomes = run(options.targets or targets(), inputs=options.inputs, seed=options.seed)
    except FuzzError as error:
        sys.exit(str(error))
    return 1 if any(each.finding for each in outcomes) else 0


def _install(folder: Path) -> None:
    print(f"Building cargo-fuzz {CARGO_FUZZ_VERSION} (once) ...", file=sys.stderr, flush=True)
    package = ["cargo-fuzz", "--version", CARGO_FUZZ_VERSION, "--locked"]
    command = ["cargo", "install", "--quiet", "--root", folder, *package]
    command += ["--target-dir", folder / "target"]
    if subprocess.run(command).returncode != 0:
        raise FuzzError("cargo-fuzz was not installed; the lines above say why")
    shutil.rmtree(folder / "target")


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(title="Fuzzing", box=box.SIMPLE)
    for column in ("target", "seed", "inputs", "seconds", "outcome"):
        table.add_column(column, justify="left" if column in ("target", "outcome") else "right")
    for each in outcomes:
        outcome = "[red]FINDING" if each.finding else "[green]no finding"
        table.add_row(
            each.target, str(each.seed), f"{each.inputs:,}", f"{each.seconds:.0f}", outcome
        )
    table.add_section()
    inputs, seconds = sum(each.inputs for each in outcomes), sum(each.seconds for each in outcomes)
    table.add_row("all", "", f"{inputs:,}", f"{seconds:.0f}", "")
    return table


def _parser() -> argparse.ArgumentParser:
    known = targets()
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description=f"Fuzzes the byte formats; the targets are {', '.join(known)}.",
        epilog="What it finds stands in .run/fuzz/findings.",
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", choices=[*known, []])
    parser.add_argument(
        "--inputs",
        type=int,
        default=LONG_INPUTS,
        help="how many inputs a target gets (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=int(time.time()) % 2**32,
        help="of libFuzzer's choices (default: from the clock)",
    )
    return parser
