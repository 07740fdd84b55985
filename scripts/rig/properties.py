"""The random tests with many cases: sessions against the model, and every byte format."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time

from rich.console import Console

from rig import checks, layout

# Where random tests stand; each property of them gets that many cases.
TESTS = ("--package", "session", "--package", "wire", "--lib", "--tests")

console = Console()


def main() -> int:
    options = _parser().parse_args()
    missing = checks.missing_tools()
    if missing:
        sys.stderr.write(checks.sentence(missing))
        return 2
    properties = _count()
    environment = {
        **os.environ,
        "PROPTEST_CASES": str(options.cases),
        "PROPTEST_RNG_SEED": str(options.seed),
        "PROPTEST_MAX_GLOBAL_REJECTS": str(options.cases),
    }
    began = time.monotonic()
    # A finding of one does not keep the others from their cases.
    command = ["cargo", "test", "--release", "--locked", "--no-fail-fast", *TESTS]
    code = subprocess.run(command, cwd=layout.PROJECT, env=environment).returncode
    took = time.monotonic() - began
    outcome = "no finding" if code == 0 else f"FAILED with {code}"
    console.print(
        f"{properties} properties, {options.cases:,} cases each, seed {options.seed}, "
        f"{took:.0f} s with the build: {outcome}",
        highlight=False,
    )
    return code


def _count() -> int:
    """How many properties there are: the tests within `proptest!`."""
    count = 0
    for crate in ("session", "wire"):
        for file in (layout.PROJECT / "rust-core" / crate).rglob("*.rs"):
            blocks = re.finditer(r"^( *)proptest! \{\n(.*?)^\1\}$", file.read_text(), re.M | re.S)
            count += sum(block[2].count("#[test]") for block in blocks)
    return count


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/properties", description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=100_000, help="of each property (default: %(default)s)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=int(time.time()) % 2**32,
        help="of the random choices (default: from the clock)",
    )
    return parser
