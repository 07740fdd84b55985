"""The hosts' network: a bridge, this side's address on it, names, and the keys of ssh."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

# Nobody outside of the world sees it.
SUBNET = "10.77.0"
CONTROL = "control"
BRIDGE = "hosts"
SOCKETS = Path("/run")


class Place(NamedTuple):
    """A machine of the network."""

    name: str
    address: str


class Network:
    """Seen from the control machine, which is where the trial runs."""

    def __init__(self, folder: Path, names: list[str]):
        self.folder = folder
        self.control = Place(CONTROL, f"{SUBNET}.1")
        self.places = [Place(name, f"{SUBNET}.{at}") for at, name in enumerate(names, 11)]
        # Of the operator: opens root's and Flink's door on each host.
        self.key = folder / "id_ed25519"
        self.known_hosts = folder / "known_hosts"
        self.names = folder / "hosts"
        self.no_servers = folder / "resolv.conf"

    def start(self) -> None:
        self.folder.mkdir(parents=True)
        _make_key(self.key)
        for place in self.places:
            _make_key(self.host_key(place))
        self.known_hosts.write_text("".join(map(self._known_host, self.places)))
        lines = [f"{place.address} {place.name}" for place in (self.control, *self.places)]
        self.names.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
        # A name that stands in no file is told to be unknown at once.
        self.no_servers.touch()
        for file, in_place_of in (
            (self.names, "/etc/hosts"),
            (self.no_servers, "/etc/resolv.conf"),
        ):
            run("mount", "--bind", file, Path(in_place_of).resolve())
        # For sockets, whose paths have to be short.
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", SOCKETS)
        run("hostname", CONTROL)
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "name", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{self.control.address}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")

    def host_key(self, place: Place) -> Path:
        return self.folder / place.name / "ssh_host_ed25519_key"

    def _known_host(self, place: Place) -> str:
        public = self.host_key(place).with_suffix(".pub").read_text()
        return f"{place.name},{place.address} {public}"

    def ssh_options(self) -> list[str]:
        """For ssh from the control machine; the settings of who runs this do not matter."""
        wanted = {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.known_hosts,
            "BatchMode": "yes",
            "ConnectTimeout": 30,
        }
        return ["-F", "/dev/null", *(f"-o{name}={value}" for name, value in wanted.items())]

    def connect(self, place: Place, pid: int) -> None:
        """Gives the network namespace of a process a cable to the bridge, and its address."""
        own = f"to-{place.name}"
        run("ip", *("link", "add", "name", own, "type", "veth", "peer", "name", "eth0"))
        run("ip", "link", "set", "eth0", "netns", str(pid))
        run("ip", "link", "set", own, "master", BRIDGE, "up")
        inside = ("nsenter", "--target", str(pid), "--net", "ip")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "address", "add", f"{place.address}/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")


def _make_key(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.parent.name, "-f", file)


def run(*words: object) -> None:
    """Runs a command of the system; where it fails, what it said is the error."""
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        told = " ".join(map(str, words))
        raise OSError(f"{told} ended with {done.returncode}: {done.stdout.strip()}")
