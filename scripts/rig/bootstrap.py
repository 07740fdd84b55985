"""The scripts' own Python environment. Runs on a bare Python 3.9, so it imports nothing else."""

import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

from rig import cache, checks, layout

REQUIREMENTS = layout.RIG / "requirements.txt"


def enter() -> None:
    """Goes on in the private environment: makes it on first use, then starts the script again."""
    try:
        environment = _environment()
    except KeyboardInterrupt:
        sys.exit(130)
    if Path(sys.prefix) == environment:
        return
    python = environment / "bin" / "python"
    # Text is UTF-8 whatever the locale says.
    os.execv(python, [str(python), "-X", "utf8", *sys.argv])


def _environment() -> Path:
    # A new Python or another requirement gives another name, so an environment never goes stale.
    name = "python-" + cache.fingerprint(
        REQUIREMENTS, sys.version, sys.base_prefix, platform.machine()
    )
    return cache.provide(name, _make)


def _make(folder: Path) -> None:
    missing = checks.missing_tools()
    if importlib.util.find_spec("ensurepip") is None:
        missing.append("Python's venv and pip (Debian and Ubuntu: apt install python3-venv)")
    if missing:
        sys.exit(checks.sentence(missing))
    print("Making the scripts' own Python environment (once) ...", file=sys.stderr)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    install = ["install", "--no-cache-dir", "--require-hashes", "--only-binary", ":all:"]
    for command in (
        [sys.executable, "-m", "venv", folder],
        [*pip, *install, "--requirement", REQUIREMENTS],
    ):
        if subprocess.run(command).returncode != 0:
            sys.exit("The Python packages could not be installed; the lines above say why.")
