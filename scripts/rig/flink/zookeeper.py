"""A ZooKeeper of one process, the one that Flink's distribution brings along."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from rig import checks, parts
from rig.processes import ProcessError, Processes, environment, free_port, tail

NAME = "zookeeper"
START_PATIENCE_S = 180

# One server; a session whose client is silent may last as long as the client asks for.
SETTINGS = """\
tickTime=2000
dataDir={data}
clientPort={port}
clientPortAddress=localhost
maxSessionTimeout=60000
admin.enableServer=false
"""


class ZooKeeper:
    def __init__(self, folder: Path, processes: Processes):
        self._folder = folder / "zookeeper"
        self._logs = folder / "logs"
        self._processes = processes
        self._process = None
        self.port = free_port()
        self.address = f"localhost:{self.port}"

    def launch(self) -> None:
        self._folder.mkdir(parents=True)
        settings = self._folder / "zoo.cfg"
        settings.write_text(SETTINGS.format(data=self._folder / "data", port=self.port))
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
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            self._processes.check(self._process)
            try:
                with socket.create_connection(("localhost", self.port), timeout=1) as asking:
                    asking.sendall(b"srvr")
                    if asking.recv(100):
                        return
            except OSError:
                pass
            if time.monotonic() > deadline:
                log = self._processes.log(NAME)
                raise ProcessError(f"ZooKeeper does not answer; the end of {log}:\n{tail(log)}")
            time.sleep(0.2)

    def pause(self) -> None:
        self._processes.pause(self._process)

    def resume(self) -> None:
        self._processes.resume(self._process)
