"""The branch coverage that the scenario files alone reach, in the crates `session` and `wire`.

Each branch of `session` that no scenario reaches has to stand in rust-core/scenarios/UNREACHED.md
with the reason why it cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from rig import cache, checks, layout

CRATES = ("session", "wire")
# Of this crate every branch is reached or has a reason.
COMPLETE = "session"
REASONS = layout.PROJECT / "rust-core" / "scenarios" / "UNREACHED.md"
BUILT = layout.PROJECT / "rust-core" / "target" / "coverage"
# Branch coverage is the compiler's, but not yet stable.
FLAGS = "-C instrument-coverage -Z coverage-options=branch"

console = Console()


class CoverageError(Exception):
    """The coverage could not be measured."""


class Branch(NamedTuple):
    """One side of a condition."""

    file: str
    line: int
    column: int
    text: str
    side: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: `{self.text}` is never {str(self.side).lower()}"


class Figures(NamedTuple):
    """Of a file: branches reached and all, regions reached and all."""

    branches: int
    all_branches: int
    regions: int
    all_regions: int


def main() -> int:
    options = _parser().parse_args()
    missing = checks.missing_tools()
    if missing:
        sys.stderr.write(checks.sentence(missing))
        return 2
    try:
        report = _measure()
    except CoverageError as error:
        sys.exit(str(error))
    unreached = [branch for branches in report.values() for branch in branches[1]]
    console.print(_table({file: figures for file, (figures, _) in report.items()}))
    reasons = _reasons()
    ours = [branch for branch in unreached if branch.file.startswith(COMPLETE)]
    unnamed = [branch for branch in ours if _name(branch) not in reasons]
    idle = reasons - {_name(branch) for branch in ours}
    for title, found in (
        (f"Branches of {COMPLETE} without a scenario and without a reason", unnamed),
        (f"Reasons in {REASONS.name} for branches that are reached, or are gone", sorted(idle)),
        ("Other branches without a scenario", set(unreached) - set(ours) if options.all else ()),
    ):
        if found:
            lines = "\n".join(f"  {each}" for each in sorted(found))
            console.print(f"{title}:\n{lines}", markup=False, highlight=False, soft_wrap=True)
    named = len(ours) - len(unnamed)
    console.print(f"{named} branches of {COMPLETE} cannot be reached; {REASONS.name} says why")
    return 1 if unnamed or idle else 0


def _measure() -> dict[str, tuple[Figures, list[Branch]]]:
    """Plays the scenarios on an instrumented core; returns what each file's branches gave."""
    profiles = BUILT / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    environment = {
        **os.environ,
        "RUSTC_BOOTSTRAP": "1",
        "RUSTFLAGS": FLAGS,
        "CARGO_TARGET_DIR": str(BUILT),
        "LLVM_PROFILE_FILE": str(profiles / "%p-%m.profraw"),
    }
    tests = ["cargo", "test", "--locked", "--package", "wire", "--test", "scenarios"]
    built = subprocess.run(
        [*tests, "--no-run", "--message-format", "json"],
        env=environment,
        cwd=layout.PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    programs = [
        message["executable"]
        for message in map(json.loads, filter(None, built.stdout.splitlines()))
        if message.get("executable") and message["target"]["name"] == "scenarios"
    ]
    # Building runs instrumented build scripts; only the scenarios count.
    shutil.rmtree(profiles, ignore_errors=True)
    if len(programs) != 1 or subprocess.run(programs, env=environment).returncode != 0:
        raise CoverageError("the scenarios do not hold; the lines above say why")
    merged = profiles / "merged.profdata"
    raw = sorted(profiles.glob("*.profraw"))
    _llvm("llvm-profdata", "merge", "-sparse", *raw, "-o", merged)
    exported = _llvm("llvm-cov", "export", "-instr-profile", merged, programs[0])
    report = {}
    for each in json.loads(exported)["data"][0]["files"]:
        for crate in CRATES:
            folder = layout.PROJECT / "rust-core" / crate / "src"
            file = Path(each["filename"])
            if folder in file.parents:
                name = f"{crate}/{file.relative_to(folder)}"
                report[name] = _of_file(name, file, each)
    return dict(sorted(report.items()))


def _of_file(name: str, file: Path, exported: dict) -> tuple[Figures, list[Branch]]:
    lines = file.read_text().splitlines()
    taken: dict[tuple, list[int]] = defaultdict(lambda: [0, 0])
    for line, column, end_line, end_column, true, false, *_ in exported["branches"]:
        # One function for several types is there several times.
        counts = taken[(line, column, end_line, end_column)]
        counts[0] += true
        counts[1] += false
    unreached = []
    for (line, column, end_line, end_column), counts in taken.items():
        until = end_column - 1 if end_line == line else None
        text = lines[line - 1][column - 1 : until].strip()
        for side, count in zip((True, False), counts):
            if count == 0:
                unreached.append(Branch(name, line, column, text, side))
    regions = exported["summary"]["regions"]
    every = 2 * len(taken)
    figures = Figures(every - len(unreached), every, regions["covered"], regions["count"])
    return figures, unreached


def _name(branch: Branch) -> tuple[str, str, str]:
    """How a branch is named with its reason: not by its line, which moves."""
    return branch.file, branch.text, str(branch.side).lower()


def _reasons() -> set[tuple[str, str, str]]:
    row = re.compile(r"\| (\S+) \| `(.+)` \| (true|false) \| .+ \|")
    found = (row.fullmatch(line) for line in REASONS.read_text().splitlines())
    # In a table `|` has a backslash before it.
    return {(match[1], match[2].replace("\\|", "|"), match[3]) for match in found if match}


def _llvm(tool: str, *arguments: object) -> str:
    """Runs one of LLVM's tools of the compiler's own version; returns what it printed."""
    told = subprocess.run(["rustc", "-vV"], stdout=subprocess.PIPE, text=True, check=True).stdout
    major = re.search(r"LLVM version: (\d+)", told).group(1)
    host = re.search(r"host: (\S+)", told).group(1)
    sysroot = subprocess.run(
        ["rustc", "--print", "sysroot"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    environment = dict(os.environ)
    places = [
        Path(sysroot, "lib/rustlib", host, "bin", tool),
        Path(f"/usr/lib/llvm-{major}/bin", tool),
    ]
    program = next((place for place in places if place.is_file()), None)
    if program is None:
        home = cache.provide(f"llvm-{major}", lambda folder: _fetch(major, folder))
        program = home / "usr" / "lib" / f"llvm-{major}" / "bin" / tool
        libraries = {str(library.parent) for library in home.rglob("libLLVM*.so*")}
        environment["LD_LIBRARY_PATH"] = ":".join(sorted(libraries))
    command = [program, *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise CoverageError(f"{tool} ended with {done.returncode}; the lines above say why")
    return done.stdout


def _fetch(major: str, folder: Path) -> None:
    """Unpacks Debian's packages, which apt checks; nothing is installed."""
    packages = [f"llvm-{major}", f"libllvm{major}"]
    fetched = shutil.which("apt-get") and shutil.which("dpkg-deb")
    if fetched:
        done = subprocess.run(["apt-get", "--quiet=2", "download", *packages], cwd=folder)
        fetched = done.returncode == 0
    if not fetched:
        raise CoverageError(
            f"LLVM {major}'s llvm-cov and llvm-profdata are missing: rustup component add"
            f" llvm-tools, or apt install llvm-{major}"
        )
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        package.unlink()


def _table(report: dict[str, Figures]) -> Table:
    table = Table(title="Reached by the scenario files alone", box=box.SIMPLE)
    for column in ("file", "branches", "", "regions", " "):
        table.add_column(column, justify="left" if column == "file" else "right")
    for crate in CRATES:
        files = {file: each for file, each in report.items() if file.startswith(crate + "/")}
        for file, each in files.items():
            table.add_row(file, *_shares(each))
        total = Figures(*(sum(column) for column in zip(*files.values())))
        table.add_row(f"[bold]{crate}", *_shares(total))
        table.add_section()
    return table


def _shares(each: Figures) -> tuple[str, str, str, str]:
    def share(reached: int, every: int) -> str:
        return f"{100 * reached / every:.1f} %" if every else ""

    return (
        f"{each.branches}/{each.all_branches}",
        share(each.branches, each.all_branches),
        f"{each.regions}/{each.all_regions}",
        share(each.regions, each.all_regions),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/coverage", description=__doc__)
    parser.add_argument("--all", action="store_true", help="show every branch that is not reached")
    return parser
