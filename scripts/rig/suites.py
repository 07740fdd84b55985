"""The test suites: what each runs, in the order in which mistakes are found cheaply."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from rig import checks, fuzz, layout
from rig import replay as session_replay

SCRIPTS = layout.PROJECT / "scripts"
MAVEN = ["mvn", "--batch-mode", "--no-transfer-progress"]

console = Console()


def lint() -> bool:
    """Formatting and common mistakes: Rust, Java, Python, shell."""
    ruff = [sys.executable, "-m", "ruff"]
    return all(
        [
            _run("cargo", "fmt", "--all", "--check"),
            _run("cargo", "fmt", "--manifest-path", fuzz.CRATE / "Cargo.toml", "--check"),
            _run(
                *("cargo", "clippy", "--workspace", "--all-targets", "--all-features"),
                *("--locked", "--quiet", "--", "--deny", "warnings"),
            ),
            _run(*MAVEN, "--quiet", "spotless:check"),
            _run(Path(sys.prefix) / "bin" / "shellcheck", *_shell_scripts()),
            _run(*ruff, "check", "--no-cache", "--quiet", "scripts"),
            _run(*ruff, "format", "--no-cache", "--check", "--quiet", "scripts"),
        ]
    )


def scripts() -> bool:
    """The scripts' own tests: the ledger finds what does not add up."""
    return _run(sys.executable, "-m", "pytest", "-c", "scripts/pytest.ini", "scripts/rig/tests")


def rust() -> bool:
    """The core's tests, those of the C ABI too."""
    return _run("cargo", "test", "--workspace", "--all-features", "--locked", "--quiet")


def replay() -> bool:
    """Format, lints and tests of session-replay, with the real RocksDB."""
    environment = session_replay.environment(print)
    return all(
        [
            _run("cargo", "fmt", "--manifest-path", session_replay.MANIFEST, "--check"),
            *(
                _run("cargo", *session_replay.cargo(*words), env=environment)
                for words in (
                    ("clippy", "--all-targets", "--quiet", "--", "--deny", "warnings"),
                    ("test", "--quiet"),
                    ("build", "--quiet"),
                )
            ),
        ]
    )


def fuzzing() -> bool:
    """Every fuzz target, briefly; scripts/fuzz is the long run."""
    try:
        outcomes = fuzz.run(
            fuzz.targets(), inputs=fuzz.SHORT_INPUTS, seed=fuzz.SHORT_SEED, keep=False
        )
    except fuzz.FuzzError as error:
        print(error, file=sys.stderr)
        return False
    return not any(outcome.finding for outcome in outcomes)


def java() -> bool:
    """The shim's tests, with the real library; leaves the jar in target/."""
    return _run(*MAVEN, "verify")


def jar() -> bool:
    """What is in the jar, and what must not be."""
    return _run(layout.PROJECT / "scripts" / "check-jar")


def e2e() -> bool:
    """The job on a real cluster with a real broker."""
    return end_to_end([]) == 0


def end_to_end(arguments: list[str]) -> int:
    """Runs the end-to-end tests with arguments for pytest; returns its exit code."""
    problems = checks.missing_tools() + checks.short_space(layout.PROJECT, 4, 3)
    if problems:
        sys.stderr.write(checks.sentence(problems))
        return 2
    if not any(Path(each.partition("::")[0]).exists() for each in arguments):
        arguments = [*arguments, str(SCRIPTS / "e2e")]
    command = [sys.executable, "-m", "pytest", "-c", str(SCRIPTS / "pytest.ini"), *arguments]
    return subprocess.run(command).returncode


def faults() -> bool:
    """The short faults, with the ledger; scripts/faults --all has the rest."""
    return _run(SCRIPTS / "faults", "--ci")


SUITES = {
    suite.__name__: suite
    for suite in (lint, scripts, rust, fuzzing, replay, java, jar, e2e, faults)
}


def main() -> int:
    options = _parser().parse_args()
    missing = checks.missing_tools()
    if missing:
        sys.stderr.write(checks.sentence(missing))
        return 2
    outcomes = []
    for name in options.suites or SUITES:
        suite = SUITES[name]
        console.rule(f"{name}: {suite.__doc__}")
        began = time.monotonic()
        passed = suite()
        outcomes.append((name, passed, time.monotonic() - began))
    table = Table(title="Tests", box=box.SIMPLE)
    for column in ("suite", "outcome", "seconds"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for name, passed, took in outcomes:
        table.add_row(name, "[green]passed" if passed else "[red]FAILED", f"{took:.0f}")
    console.print(table)
    return 0 if all(passed for _, passed, _ in outcomes) else 1


def _run(*command: object, env: dict[str, str] | None = None) -> bool:
    """Runs a command in the project's folder; says what it ran and whether it went well."""
    words = [str(word) for word in command]
    shown = " ".join(words).replace(sys.prefix + "/bin/", "").replace(f"{layout.PROJECT}/", "")
    print(f"$ {shown}", flush=True)
    began = time.monotonic()
    code = subprocess.run(words, cwd=layout.PROJECT, env=env, stdin=subprocess.DEVNULL).returncode
    outcome = "ok" if code == 0 else f"FAILED with {code}"
    print(f"  {outcome} after {time.monotonic() - began:.1f} s", flush=True)
    return code == 0


def _shell_scripts() -> list[str]:
    """The project's own shell scripts, told by their first line."""
    found = []
    for top in (".ci", "scripts"):
        for folder, _, names in os.walk(layout.PROJECT / top):
            for script in (Path(folder, name) for name in names):
                with script.open("rb") as content:
                    first = content.readline(100)
                if first.startswith(b"#!") and (b"bash" in first or first.endswith(b"/sh\n")):
                    found.append(str(script.relative_to(layout.PROJECT)))
    return sorted(found)


def _parser() -> argparse.ArgumentParser:
    told = "".join(f"  {name:8} {suite.__doc__}\n" for name, suite in SUITES.items())
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        usage="%(prog)s [SUITE ...]",
        description=f"Runs the test suites, all or the ones named:\n{told}",
        epilog="ACCESS_LOG=FILE names an access log (JSON lines) for the suite e2e.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", type=_known_suite)
    return parser


def _known_suite(name: str) -> str:
    if name not in SUITES:
        raise argparse.ArgumentTypeError(f"no suite {name}; there are {', '.join(SUITES)}")
    return name
