"""The C driver plays every scenario: qemu (aarch64), valgrind, a sanitizer.

The library is the jar's, with the C ABI and the records that fail on purpose
added to it. A JVM does not start under qemu, and hides what valgrind and the
address sanitizer look for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from rig import checks, layout
from rig.native import build, elf, zig

FEATURES = ("c-abi", "failing")
OUT = layout.PROJECT / "rust-core" / "target" / "c-abi"
SCENARIOS = layout.PROJECT / "rust-core" / "scenarios"
# Debian's package libc6-arm64-cross puts the loader and the C library of aarch64 there.
AARCH64_ROOT = Path("/usr/aarch64-linux-gnu")
# Says which line of ours it was; the jar's library is stripped of that.
WITH_LINES = {
    "CARGO_PROFILE_RELEASE_STRIP": "none",
    "CARGO_PROFILE_RELEASE_DEBUG": "line-tables-only",
}
# Any error, and any memory that nobody knows any more, ends the driver with a failure. What is
# "possibly lost" is known by a pointer that also carries a tag, as jiff's time zones are.
LEAKS = "definite,indirect"
VALGRIND = "--quiet --error-exitcode=99 --leak-check=full"
VALGRIND += f" --show-leak-kinds={LEAKS} --errors-for-leak-kinds={LEAKS}"

console = Console(highlight=False, soft_wrap=True)


class Unavailable(Exception):
    """This machine cannot do it; the text says what is missing."""


class Way(NamedTuple):
    """How the driver is compiled and run; `library` is the folder of what it is linked with."""

    library: Path
    compiler: str
    runner: str = ""


def qemu() -> Way:
    """aarch64 under qemu-user, linked for glibc 2.17"""
    program = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if program is None:
        raise Unavailable("it needs qemu-user (apt install qemu-user-static)")
    if not (AARCH64_ROOT / "lib" / "ld-linux-aarch64.so.1").exists():
        raise Unavailable("it needs aarch64's C library (apt install libc6-arm64-cross)")
    try:
        tools = zig.find()
    except zig.ZigError as error:
        raise Unavailable(f"it is linked with zig, and {error}") from None
    library = build.portable(_build("qemu"), tools, "linux-aarch_64")
    if library is None:
        raise Unavailable("it needs Rust's library (rustup target add aarch64-unknown-linux-gnu)")
    compiler = f"{tools.program} cc -target aarch64-linux-gnu.2.17"
    return Way(library.parent, compiler, f"{program} -L {AARCH64_ROOT}")


def valgrind() -> Way:
    """x86_64 under valgrind"""
    program = shutil.which("valgrind")
    if program is None:
        raise Unavailable("it needs valgrind (apt install valgrind)")
    return Way(_host_library("valgrind"), "cc -g", f"{program} {VALGRIND}")


def sanitizer() -> Way:
    """x86_64 with the address sanitizer, which finds leaks too"""
    library = _host_library(
        "sanitizer",
        CARGO_ENCODED_RUSTFLAGS="-Zsanitizer=address",
        # It is the compiler's own, but not yet stable.
        RUSTC_BOOTSTRAP="1",
    )
    return Way(library, "cc -g -fsanitize=address,undefined -fno-sanitize-recover")


WAYS: dict[str, Callable[[], Way]] = {way.__name__: way for way in (qemu, valgrind, sanitizer)}


def _host_library(name: str, **environment: str) -> Path:
    triple = build.TRIPLES["linux-x86_64"]
    made = _build(name)
    # With a target of its own, only the library is compiled for it, not what builds it.
    made.cargo(made.out, "build", "--target", triple, **WITH_LINES, **environment)
    return made.out / triple / "release"


def _build(name: str) -> build.Build:
    return build.Build(OUT / name, OUT / name, build.hash_of_sources(), FEATURES)


def _play(way: Way) -> bool:
    """Runs the tests of the C ABI with another library, compiler and runner."""
    return (
        subprocess.run(
            ["cargo", "test", "--quiet", "--locked", "--package", "bridge", "--test", "c_abi"]
            + ["--features", ",".join(FEATURES), "--", "--skip", "the_committed_header"],
            cwd=layout.PROJECT,
            env={
                **os.environ,
                "SESSION_CORE_LIBRARY_DIR": str(way.library),
                "SESSION_CORE_CC": way.compiler,
                "SESSION_CORE_RUNNER": way.runner,
            },
            stdin=subprocess.DEVNULL,
        ).returncode
        == 0
    )


def _outcomes(names: list[str]) -> Iterator[tuple[str, str, str]]:
    scenarios = len(list(SCENARIOS.glob("*.txt")))
    for name in names:
        make = WAYS[name]
        console.rule(f"{name}: {make.__doc__}")
        began = time.monotonic()
        try:
            way = make()
        except Unavailable as reason:
            console.print(f"[yellow]SKIPPED[/] {name}: {reason}")
            yield name, "[yellow]SKIPPED", str(reason)
            continue
        except build.BuildError as error:
            yield name, "[red]FAILED", str(error)
            continue
        played = _play(way)
        library = elf.read((way.library / build.LIBRARY).read_bytes())
        told = f"{library.platform}, {scenarios} scenarios, {time.monotonic() - began:.0f} s"
        yield name, "[green]passed" if played else "[red]FAILED", told


def main() -> int:
    names = _parser().parse_args().ways or list(WAYS)
    problems = checks.missing_tools()
    if problems:
        sys.stderr.write(checks.sentence(problems))
        return 2
    outcomes = list(_outcomes(names))
    table = Table(title="The C driver", box=box.SIMPLE)
    for column in ("way", "outcome", "what ran"):
        table.add_column(column)
    for outcome in outcomes:
        table.add_row(*outcome)
    console.print(table)
    return 1 if any("FAILED" in outcome for _, outcome, _ in outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/test-native",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="What a way needs and this machine lacks is told, and the way is skipped.",
    )
    told = ", ".join(WAYS)
    parser.add_argument("ways", nargs="*", type=_known, metavar="WAY", help=f"{told}; default: all")
    return parser


def _known(name: str) -> str:
    if name not in WAYS:
        raise argparse.ArgumentTypeError(f"no way {name}; there are {', '.join(WAYS)}")
    return name
