"""Ansible, in the versions the playbooks are for, run against hosts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rig import cache, layout, parts
from rig.hosts.network import SOCKETS

PLAYBOOKS = layout.PROJECT / "scripts" / "deploy"
# The Pythons that each runs on, here on the control machine.
PYTHONS = {"2.9.27": ((3, 9), (3, 11)), "current": ((3, 11), (3, 14))}
RECAP = re.compile(r"^(\S+)\s*:\s+ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.M)


class Unavailable(Exception):
    """A version does not run here; the text says why."""


class PlaybookError(Exception):
    """A playbook failed; the text is the end of what it said."""


class Recap(NamedTuple):
    """What a playbook did to a host, by its last lines."""

    host: str
    changed: int
    unreachable: int
    failed: int

    @classmethod
    def all_of(cls, output: str) -> list[Recap]:
        return [cls(found[1], *map(int, found.groups()[1:])) for found in RECAP.finditer(output)]


def provide(version: str, say: parts.Say = lambda note: None) -> Path:
    """The folder that Python finds this version in; pip fetches it once."""
    oldest, newest = PYTHONS[version]
    if not oldest <= sys.version_info[:2] <= newest:
        told = " to ".join(".".join(map(str, each)) for each in (oldest, newest))
        raise Unavailable(f"it runs on Python {told}, and this is {sys.version.split()[0]}")
    requirements = _requirements(version)
    name = f"ansible-{version}-{cache.fingerprint(requirements, sys.version)}"
    return cache.provide(name, lambda folder: _fetch(folder, requirements, say))


def exact(version: str) -> str:
    """What pip calls it."""
    found = re.search(r"^ansible(?:-core)?==\S+", _requirements(version).read_text(), re.M)
    return found[0].replace("==", " ")


def _requirements(version: str) -> Path:
    return layout.RIG / "hosts" / f"ansible-{version}.txt"


def _fetch(folder: Path, requirements: Path, say: parts.Say) -> None:
    say("fetching it with pip")
    # 2.9.27 is a source package, of Python alone; setuptools of this environment takes it apart.
    parts.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        + ["--no-cache-dir", "--require-hashes", "--no-deps", "--no-warn-script-location"]
        + ["--only-binary", ":all:", "--no-binary", "ansible", "--no-build-isolation"]
        + ["--target", folder, "--requirement", requirements],
        # pip must not fill /tmp, which may be small.
        env={**os.environ, "TMPDIR": str(folder)},
    )


class Ansible:
    def __init__(self, version: str, inventory: Path, folder: Path, log: Path):
        """`folder` is for Ansible's own files, `log` takes all that it says."""
        self._home = provide(version)
        self._inventory = inventory
        self._folder = folder
        self._log = log

    def play(self, playbook: str, *options: str) -> list[Recap]:
        """Runs a playbook; returns what it did to each host."""
        command = [sys.executable, self._home / "bin" / "ansible-playbook"]
        command += ["--inventory", self._inventory, *options, PLAYBOOKS / playbook]
        with self._log.open("a+") as log:
            log.write(f"$ ansible-playbook {' '.join([*options, playbook])}\n")
            log.flush()
            began = log.tell()
            done = subprocess.run(
                command,
                env=self._environment(),
                cwd=PLAYBOOKS,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            log.seek(began)
            told = log.read()
        recaps = Recap.all_of(told)
        if done.returncode != 0 or not recaps:
            last = "\n".join(told.splitlines()[-40:])
            raise PlaybookError(f"{playbook} ended with {done.returncode} ({self._log}):\n{last}")
        return recaps

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "ANSIBLE" not in name}
        return {
            **kept,
            "PYTHONPATH": str(self._home),
            "ANSIBLE_HOME": str(self._folder),
            "ANSIBLE_LOCAL_TEMP": str(self._folder / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(SOCKETS),
        }
