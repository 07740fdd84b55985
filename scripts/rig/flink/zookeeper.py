"""A ZooKeeper of one process, the one that Flink's distribution brings along."""

from __future__ import annotations

import socket
from pathlib import Path

from rig import checks, parts
from rig.processes import Processes, environment, free_port

NAME = "zookeeper"
START_PATIENCE_S = 180

# One server; a session whose client is silent may last as long as the client asks for.
SETTINGS = """\
tickTime=2000
dataDir={data}
clientPort={port}
clientPortAddress={host}
maxSessionTimeout=60000
admin.enableServer=false
"""


class ZooKeeper:
    def __init__(self, folder: Path, processes: Processes, host: str = "localhost"):
        """`host` is a name of this machine, by which those on other hosts reach it."""
        self._folder = folder / "zookeeper"
        self._logs = folder / "logs"
        self._processes = processes
        self._process = None
        self.port = free_port()
        self._host = host
        self.address = f"{host}:{self.port}"

    def launch(self) -> None:
        self._folder.mkdir(parents=True)
        settings = self._folder / "zoo.cfg"
        settings.write_text(
            SETTINGS.format(data=self._folder / "data", host=self._host, port=self.port)
        )
        # Not by zookeeper.sh, which stays in between: the process known has to be the JVM.
        self._process = self._processes.start(
            NAME,
            [
                checks.java(),
                "-Xmx256m",
                f"-Djava.io.tmpdir={self._folder}",
                "-Dzookeeper.jmx.log4j.disable=true",
                "-cp",
                f"{parts.flink_home() / 'lib'}/*",
                "org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer",
                *("--zkConfigFile", settings, "--peerId", "1"),
            ],
            environment(),
            self._folder,
        )

    def wait(self) -> None:
        """Returns when the server answers."""
        self._processes.wait_until(self._process, self._answers, START_PATIENCE_S)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self._host, self.port), timeout=1) as asking:
                asking.sendall(b"srvr")
                return bool(asking.recv(100))
        except OSError:
            return False

    def pause(self) -> None:
        self._processes.pause(self._process)

    def resume(self) -> None:
        self._processes.resume(self._process)
