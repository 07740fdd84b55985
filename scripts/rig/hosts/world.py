"""A world for one trial: processes, networks, mounts and host name that nobody else has.

They are namespaces of the kernel. Their first process is the trial's, and the kernel ends them with
it: whatever a trial starts or mounts is gone after it, however it ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rig import layout

# Where Debian has them; none is on every user's PATH.
SSHD = Path("/usr/sbin/sshd")
PYTHON = Path("/usr/bin/python3")
TOOLS = {
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "useradd": "passwd",
    "pgrep": "procps",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    str(SSHD): "openssh-server",
    str(PYTHON): "python3",
}
# The world ends with the process that entered it, even where that was killed.
ENTER = ["setpriv", "--pdeathsig", "KILL"]
ENTER += ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
TRY = """\
set -e
ip link add name try type bridge
ip link add name one type veth peer name two
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
"""


def missing() -> list[str]:
    """What this machine lacks for a world with hosts in it."""
    if os.geteuid() != 0:
        return ["root: it makes namespaces, networks and mounts"]
    lacking = [
        f"{tool} (Debian and Ubuntu: apt install {package})"
        for tool, package in TOOLS.items()
        if shutil.which(tool) is None
    ]
    return lacking or _refused()


def _refused() -> list[str]:
    """What the kernel, or the container this runs in, does not let root do."""
    layout.RUNS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=layout.RUNS) as folder:
        done = subprocess.run(
            [*ENTER, "sh", "-c", TRY],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if done.returncode == 0:
        return []
    return [f"a kernel that lets root make namespaces, networks and overlays: {done.stdout}"]


def run(module: str, *arguments: str) -> int:
    """Runs a module of the rig as the first process of a new world; returns its exit code."""
    command = [*ENTER, sys.executable, "-X", "utf8", "-m", module, *arguments]
    inside = subprocess.Popen(command, cwd=layout.RIG.parent, stdin=subprocess.DEVNULL)
    try:
        return inside.wait()
    finally:
        inside.kill()
        inside.wait()
