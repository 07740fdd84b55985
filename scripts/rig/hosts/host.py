"""A host: its own network, processes, name and files, and an sshd by which it is reached.

Its files are this machine's, seen through an overlay: it has the same Debian, Java and Python, and
what it writes stays in a folder of its own.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from pathlib import Path

from rig.hosts import world
from rig.hosts.network import Network, Place
from rig.processes import Processes, environment

START_PATIENCE_S = 60
# Who Flink runs as; the operator comes as root.
USER = "flink"

# UsePAM: without it sshd needs nothing of this machine's login services.
SSHD_CONFIG = """\
HostKey /etc/ssh/of-this-host/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/of-this-host/authorized_keys
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
Subsystem sftp internal-sftp
UseDNS no
PidFile none
MaxStartups 50
"""
# sshd becomes the first process of the host, so it waits for those whose parents have ended.
BOOT = """\
set -e
folder=$1
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/files,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mount --bind "$folder/tmp" tmp
mkdir -p run/sshd
hostname "$2"
exec chroot . sh -ec '
    id "$1" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --password "*" "$1"
    home=$(getent passwd "$1" | cut -d: -f6)
    install -d -o "$1" -m 700 "$home/.ssh"
    install -o "$1" -m 600 /etc/ssh/of-this-host/id_ed25519 "$home/.ssh/id_ed25519"
    exec {sshd} -D -e -f /etc/ssh/of-this-host/sshd_config
' sh "$3"
"""


class HostError(Exception):
    """A host did not do as it was told; the text says what it said."""


class Host:
    def __init__(self, place: Place, folder: Path, network: Network, processes: Processes):
        self.name, self.address = place
        # What the host wrote, at the paths it has there.
        self.files = folder / "files"
        self._place = place
        self._folder = folder
        self._network = network
        self._processes = processes
        self._process = None

    def start(self) -> None:
        """Starts it; `wait` waits for it."""
        for part in ("files", "work", "root", "tmp"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        (self._folder / "tmp").chmod(0o1777)
        self._furnish()
        boot = BOOT.format(sshd=world.SSHD)
        self._process = self._processes.start(
            self.name,
            ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
            + ["sh", "-c", boot, "sh", self._folder, self.name, USER],
            environment(),
            self._folder,
        )
        self._processes.wait_until(self._process, self._has_its_own_network, START_PATIENCE_S)
        self._network.connect(self._place, self._process.pid)

    def wait(self) -> None:
        """Returns when somebody can log in."""
        self._processes.wait_until(self._process, self._answers, START_PATIENCE_S)

    def ssh(self, command: str, user: str = "root") -> str:
        """Runs a command line there, as an operator would; returns what it printed."""
        done = subprocess.run(
            ["ssh", *self._network.ssh_options(), f"{user}@{self.name}", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise HostError(f"{self.name}: {command}\nended with {done.returncode}: {done.stdout}")
        return done.stdout

    def put(self, source: Path, path: str) -> None:
        """Copies a file or a folder of the control machine to a path there, before it starts."""
        target = self.files / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)

    def _furnish(self) -> None:
        """What a new host has of its own, before it is started."""
        ssh = self.files / "etc" / "ssh"
        own = ssh / "of-this-host"
        own.mkdir(parents=True)
        for folder in (self.files, self.files / "etc", ssh, own):
            folder.chmod(0o755)
        # The host's own, and the one by which Flink's scripts go from host to host.
        for key in (self._network.host_key(self._place), self._network.key):
            shutil.copyfile(key, own / key.name)
            (own / key.name).chmod(0o600)
        shutil.copyfile(self._network.key.with_suffix(".pub"), own / "authorized_keys")
        shutil.copyfile(self._network.known_hosts, ssh / "ssh_known_hosts")
        (own / "sshd_config").write_text(SSHD_CONFIG)
        shutil.copyfile(self._network.names, self.files / "etc" / "hosts")
        shutil.copyfile(self._network.no_servers, self.files / "etc" / "resolv.conf")
        (self.files / "etc" / "hostname").write_text(f"{self.name}\n")

    def _has_its_own_network(self) -> bool:
        own, here = (Path(f"/proc/{who}/ns/net") for who in (self._process.pid, "self"))
        return own.readlink() != here.readlink()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, 22), 1) as door:
            return door.recv(4) == b"SSH-"
        return False
