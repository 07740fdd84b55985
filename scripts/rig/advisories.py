"""Known advisories against what the project ships and what its scripts run on.

Asked is OSV (https://osv.dev), which knows those of RustSec, PyPI and GitHub; it is told names and
versions, nothing else.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import requests
from rich import box
from rich.console import Console
from rich.table import Table

from rig import layout, parts

SERVICE = "https://api.osv.dev"
# The most that one question may hold.
BATCH = 1000
TIMEOUT_S = 60
# What is shipped; the fuzzer's and the benchmarks' own crates run on a developer's machine only.
CARGO_LOCKS = ("Cargo.lock", "rust-core/replay/Cargo.lock")
REQUIREMENTS = layout.RIG / "requirements.txt"


class Unanswered(Exception):
    """The service gave no answer; the text says why."""


def purls() -> list[str]:
    """All dependencies with their versions, as package URLs."""
    locks = (layout.PROJECT / name for name in CARGO_LOCKS)
    found = {
        *(each for lock in locks for each in of_cargo_lock(lock.read_text())),
        *of_requirements(REQUIREMENTS.read_text()),
        *of_maven(_resolved_by_maven()),
    }
    return sorted(found)


def of_cargo_lock(text: str) -> Iterable[str]:
    """The crates of a lock file, those of the project itself left out: they have no source."""
    package = re.compile(r'name = "(.+)"\nversion = "(.+)"\nsource = ', re.MULTILINE)
    return (f"pkg:cargo/{name}@{version}" for name, version in package.findall(text))


def of_requirements(text: str) -> Iterable[str]:
    pinned = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)
    return (f"pkg:pypi/{name.lower()}@{version}" for name, version in pinned.findall(text))


def of_maven(listed: str) -> Iterable[str]:
    """Of lines as `group:artifact:jar:version:scope`."""
    line = re.compile(r"([\w.-]+):([\w.-]+):jar:([\w.-]+):(?:compile|runtime)\b")
    return (f"pkg:maven/{group}/{name}@{version}" for group, name, version in line.findall(listed))


def ask(wanted: list[str], service: str = SERVICE) -> dict[str, list[str]]:
    """The ids of the advisories against each package that has any."""
    found = {}
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        question = {"queries": [{"package": {"purl": each}} for each in batch]}
        try:
            answer = requests.post(f"{service}/v1/querybatch", json=question, timeout=TIMEOUT_S)
            answer.raise_for_status()
            results = answer.json()["results"]
        except (requests.RequestException, KeyError) as error:
            raise Unanswered(f"{service} gave no answer: {error}") from error
        if len(results) != len(batch):
            raise Unanswered(f"{service} answered {len(results)} of {len(batch)} questions")
        for purl, result in zip(batch, results):
            if result.get("vulns"):
                found[purl] = sorted(each["id"] for each in result["vulns"])
    return found


def _resolved_by_maven() -> str:
    """What the jar is made of: Flink itself is the cluster's, and not in it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "dependencies")
        subprocess.run(
            [
                *("mvn", "--batch-mode", "--quiet", f"{parts.DEPENDENCY_PLUGIN}:list"),
                *("-DincludeScope=runtime", f"-DoutputFile={file}"),
            ],
            cwd=layout.PROJECT,
            stdin=subprocess.DEVNULL,
            check=True,
        )
        return file.read_text()


def main() -> int:
    options = _parser().parse_args()
    wanted = purls()
    if options.list:
        print("\n".join(wanted))
        return 0
    try:
        found = ask(wanted)
    except Unanswered as error:
        print(error, file=sys.stderr)
        return 2
    console = Console()
    if found:
        table = Table(title="Advisories", box=box.SIMPLE)
        table.add_column("package")
        table.add_column("https://osv.dev/vulnerability/...")
        for purl, ids in found.items():
            table.add_row(purl, ", ".join(ids))
        console.print(table)
    console.print(f"{len(wanted)} packages asked for, {len(found)} with advisories")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/advisories",
        description="Asks OSV for known advisories against the crates of the core and of "
        "session-replay, the jar's dependencies, and the scripts' packages. "
        "Exits with 0 where there are none, 1 where there are some, 2 where it got no answer.",
    )
    parser.add_argument("--list", action="store_true", help="show what would be asked for")
    return parser
