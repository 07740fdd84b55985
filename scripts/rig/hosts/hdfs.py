"""HDFS of one NameNode and one DataNode, for hosts that know this machine by a name."""

from __future__ import annotations

from pathlib import Path

import requests

from rig import checks, parts
from rig.faults.stage import QUICK_JAVA
from rig.processes import Processes, environment, run_to_end

START_PATIENCE_S = 180
RPC_PORT, WEB_PORT = 8020, 9870
LIVE = "Hadoop:service=NameNode,name=FSNamesystemState"

# One DataNode, so one copy of each block. The DataNode's address has no name that DNS knows.
SITES = {
    "core-site.xml": {
        "fs.defaultFS": "hdfs://{host}:{port}",
        "hadoop.tmp.dir": "{folder}/data",
    },
    "hdfs-site.xml": {
        "dfs.replication": "1",
        "dfs.client.use.datanode.hostname": "true",
        "dfs.datanode.hostname": "{host}",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
    },
}
PROPERTY = "<property><name>{name}</name><value>{value}</value></property>\n"
NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"


class Hdfs:
    def __init__(self, folder: Path, processes: Processes, host: str):
        self._folder = folder / "hdfs"
        self._host = host
        self._processes = processes
        self._processes_started: list = []
        self.url = f"hdfs://{host}:{RPC_PORT}"
        # The folder of core-site.xml and hdfs-site.xml, those of a client too.
        self.conf = self._folder / "conf"

    def launch(self) -> None:
        """Makes an empty file system and starts it; `wait` waits for it."""
        self._write_sites()
        self._tool(NAME_NODE, "-format", "-nonInteractive")
        self._processes_started = [
            self._processes.start(name, self._java(main), environment(), self._folder)
            for name, main in (("name-node", NAME_NODE), ("data-node", DATA_NODE))
        ]

    def wait(self) -> None:
        """Returns when blocks can be written."""
        for process in self._processes_started:
            self._processes.wait_until(process, self._has_a_data_node, START_PATIENCE_S)

    def make_folder(self, path: str, owner: str) -> None:
        """As the administrator of HDFS does for a user."""
        shell = "org.apache.hadoop.fs.FsShell"
        self._tool(shell, "-mkdir", "-p", path)
        self._tool(shell, "-chown", owner, path)

    def _has_a_data_node(self) -> bool:
        with requests.Session() as session:
            # The file system is near; a proxy of the environment cannot reach it.
            session.trust_env = False
            try:
                url = f"http://{self._host}:{WEB_PORT}/jmx"
                [state] = session.get(url, params={"qry": LIVE}, timeout=10).json()["beans"]
            except (requests.RequestException, ValueError, KeyError):
                return False
        return state["NumLiveDataNodes"] == 1 and state["FSState"] == "Operational"

    def _write_sites(self) -> None:
        self.conf.mkdir(parents=True)
        known = {"host": self._host, "port": RPC_PORT, "folder": self._folder}
        for name, settings in SITES.items():
            properties = [
                PROPERTY.format(name=key, value=value.format(**known))
                for key, value in settings.items()
            ]
            content = f"<configuration>\n{''.join(properties)}</configuration>\n"
            (self.conf / name).write_text(content)

    def _tool(self, main: str, *arguments: str) -> None:
        name = f"{main} {' '.join(arguments)}"
        run_to_end(self._java(main, *arguments), name, self._folder)

    def _java(self, main: str, *arguments: str) -> list:
        # The jars bring no logging along; Flink's does.
        logging = (parts.flink_home() / "lib").glob("log4j-*.jar")
        paths = [self.conf, f"{parts.hadoop_jars()}/*", *sorted(logging)]
        return [
            checks.java(),
            "-Xmx256m",
            *QUICK_JAVA.split(),
            f"-Djava.io.tmpdir={self._folder}",
            "-Dorg.apache.logging.log4j.level=INFO",
            *("-cp", ":".join(map(str, paths)), main),
            *arguments,
        ]
