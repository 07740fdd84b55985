"""The hosts' Flink, as the playbooks' inventory describes it and as its operator handles it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import requests

from rig import checks, layout, parts
from rig.faults.stage import QUICK_JAVA
from rig.flink.cluster import GRANTED
from rig.flink.rest import JobError, RestError
from rig.hosts.hdfs import Hdfs
from rig.hosts.host import USER, Host
from rig.hosts.network import Network
from rig.operations.site import SiteRest
from rig.processes import environment

ROOT = f"/opt/flink/flink-{parts.FLINK_VERSION}"
CURRENT = "/opt/flink/current"
HADOOP = f"/opt/hadoop-{parts.HADOOP_VERSION}"
LOGS, PIDS, TEMPORARY = "/var/log/flink", "/var/lib/flink/pids", "/var/lib/flink/tmp"
ROCKSDB = "/data/flink/rocksdb"
REST_PORT = 8081
JOB_MANAGER, TASK_MANAGER = "jobmanager", "taskmanager"
# As Flink's scripts call the processes in the names of their files.
IN_FILES = {JOB_MANAGER: "standalonesession", TASK_MANAGER: "taskexecutor"}
PATIENCE_S, POLL_S = 300, 2
# Less memory than the playbooks' defaults, as all hosts are one machine; a checkpoint more often;
# tasks on all hosts, so that the loss of any is felt.
MEMORY = {"flink_jobmanager_memory": "1024m", "flink_taskmanager_memory": "1280m"}
EXTRA = {
    "execution.checkpointing.interval": "5 s",
    "cluster.evenly-spread-out-slots": "true",
    "env.java.opts.jobmanager": QUICK_JAVA,
    "env.java.opts.taskmanager": QUICK_JAVA,
    "env.java.opts.client": QUICK_JAVA,
}


class TrialError(Exception):
    """What should hold does not."""


class FlinkSite:
    def __init__(self, folder: Path, network: Network, hosts: list[Host], zookeeper: str):
        self.hosts = hosts
        self.masters, self.workers = hosts[:2], hosts
        self.inventory = folder / "inventory.json"
        self._folder = folder
        self._network = network
        self._zookeeper = zookeeper
        # The client's, on the control machine.
        self._conf = folder / "client-conf"

    def furnish(self, hdfs: Hdfs) -> None:
        """Puts Hadoop's client on the hosts, as their operator has, and writes the inventory."""
        for host in self.hosts:
            for jar in client_jars():
                host.put(jar, f"{HADOOP}/{jar.name}")
        archive = parts.flink_archive()
        hdfs_folder = f"{hdfs.url}/flink"
        variables = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self._network.key),
            "ansible_ssh_common_args": " ".join(self._network.ssh_options()),
            "ansible_python_interpreter": "/usr/bin/python3",
            # root needs no sudo to become another user.
            "ansible_become_method": "su",
            "flink_archive": str(archive),
            "flink_archive_sha512": hashlib.sha512(archive.read_bytes()).hexdigest(),
            "flink_root": str(Path(ROOT).parent),
            "flink_user": USER,
            "flink_group": USER,
            "flink_become": True,
            "flink_init": "scripts",
            "flink_java_home": str(checks.java().resolve().parents[1]),
            "flink_log_dir": LOGS,
            "flink_pid_dir": PIDS,
            "flink_tmp_dir": TEMPORARY,
            "flink_hadoop_classpath": f"{HADOOP}/*",
            "flink_hadoop_conf_dir": "/etc/hadoop",
            "flink_core_site": str(hdfs.conf / "core-site.xml"),
            "flink_hdfs_site": str(hdfs.conf / "hdfs-site.xml"),
            "flink_rocksdb": True,
            "flink_rocksdb_local_dir": ROCKSDB,
            "flink_checkpoints_dir": f"{hdfs_folder}/checkpoints",
            "flink_savepoints_dir": f"{hdfs_folder}/savepoints",
            "flink_high_availability_dir": f"{hdfs_folder}/ha",
            "flink_zookeeper_quorum": self._zookeeper,
            "flink_cluster_id": "/sessions",
            "flink_ssh_opts": f"-l {USER} -o IdentitiesOnly=yes",
            **MEMORY,
            "flink_taskmanager_slots": 2,
            "flink_parallelism": 4,
            "flink_rest_port": REST_PORT,
            "flink_extra_conf": EXTRA,
        }
        of_hosts = {
            host.name: {"ansible_host": host.address, "flink_advertised_address": host.name}
            for host in self.hosts
        }
        groups = {
            group: {"hosts": {host.name: {} for host in members}}
            for group, members in (("masters", self.masters), ("workers", self.workers))
        }
        # JSON is YAML.
        self.inventory.write_text(
            json.dumps(
                {"all": {"vars": variables, "hosts": of_hosts, "children": groups}}, indent=2
            )
        )

    def flink(self, host: Host, script: str, *words: str) -> None:
        """One of Flink's own scripts, by the user that it runs as."""
        host.ssh(" ".join([f"{CURRENT}/bin/{script}", *words]), USER)

    def kill(self, host: Host, process: str) -> None:
        """As a crash would; what Flink's scripts wrote down says which it is."""
        file = f"{PIDS}/flink-{USER}-{IN_FILES[process]}.pid"
        host.ssh(f"kill -KILL $(tail -n 1 {file})")

    def running(self, process: str) -> list[str]:
        """The hosts on which such a process runs."""
        main = {
            JOB_MANAGER: "StandaloneSessionClusterEntrypoint",
            TASK_MANAGER: "TaskManagerRunner",
        }
        look = f"pgrep --full '[.]{main[process]}' || true"
        return [host.name for host in self.hosts if host.ssh(look).strip()]

    def leader(self) -> Host:
        """The master that was granted leadership last, by the logs."""
        granted = {}
        for host in self.masters:
            log = host.ssh(f"cat {LOGS}/*-{IN_FILES[JOB_MANAGER]}-*.log 2>/dev/null || true")
            granted[host] = max((line for line in log.splitlines() if GRANTED in line), default="")
        return max(granted, key=granted.get)

    def rest(self) -> SiteRest:
        """Any master answers for the one that leads."""
        for host in self.masters:
            rest = SiteRest(f"http://{host.name}:{REST_PORT}")
            try:
                rest.jobs()
            except (requests.RequestException, RestError, ValueError):
                continue
            return rest
        raise TrialError("no master answers")

    def wait_for(self, masters: int, workers: int) -> None:
        """Returns when so many processes run, and the leader knows all workers."""

        def there() -> bool:
            # First what costs least to ask.
            return (
                len(self.rest().task_managers()) == workers
                and len(self.running(TASK_MANAGER)) == workers
                and len(self.running(JOB_MANAGER)) == masters
            )

        eventually(f"{masters} JobManagers and {workers} TaskManagers", there)

    def wait_until_gone(self) -> None:
        def gone() -> bool:
            return not self.running(JOB_MANAGER) and not self.running(TASK_MANAGER)

        eventually("no process of Flink", gone)

    def wait_for_job(self, job_id: str) -> None:
        """Returns when it runs and has completed a checkpoint that began after this call."""

        def runs() -> bool:
            self.rest().wait_for_state(job_id, "RUNNING", patience_s=30)
            self.rest().wait_for_checkpoint(job_id, patience_s=60)
            return True

        eventually(f"job {job_id} runs", runs)

    def take_settings(self) -> None:
        """The first master's, for a client on the control machine, with a folder there."""
        temporary = self._folder / "client-tmp"
        temporary.mkdir()
        self._conf.mkdir()
        for file in ("flink-conf.yaml", "log4j-cli.properties"):
            text = self.masters[0].ssh(f"cat {CURRENT}/conf/{file}")
            (self._conf / file).write_text(text.replace(TEMPORARY, str(temporary)))

    def job(self, *words: str, ends_with: int = 0) -> str:
        """`scripts/job` on the control machine; returns what it said."""
        command = [layout.PROJECT / "scripts" / "job", *words]
        done = subprocess.run(
            command,
            env=environment(
                FLINK_HOME=str(parts.flink_home()),
                FLINK_CONF_DIR=str(self._conf),
                FLINK_LOG_DIR=str(self._folder / "logs"),
                HADOOP_CLASSPATH=":".join(map(str, client_jars())),
                HADOOP_CONF_DIR=str(self._folder / "hdfs" / "conf"),
                # Whose the files on HDFS are.
                HADOOP_USER_NAME=USER,
                SESSION_SUBMISSIONS=str(self._folder / "submissions"),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with (self._folder / "logs" / "job.log").open("a") as log:
            log.write(f"$ scripts/job {' '.join(words)}\n{done.stdout}\n")
        if done.returncode != ends_with:
            raise TrialError(f"scripts/job {words[0]} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def job_id(self) -> str:
        """Of the one job that runs."""
        running = [job_id for job_id, state in self.rest().jobs().items() if state == "RUNNING"]
        if len(running) != 1:
            raise TrialError(f"{len(running)} jobs run: {running}")
        return running[0]


def client_jars() -> list[Path]:
    """Hadoop's client, without what only NameNode and DataNode need."""
    return [
        jar for jar in sorted(parts.hadoop_jars().glob("*.jar")) if "minicluster" not in jar.name
    ]


def eventually(what: str, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Returns when something holds; while Flink starts, errors are answers too."""
    deadline = time.monotonic() + patience_s
    last: object = "it does not hold"
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (requests.RequestException, RestError, JobError, TrialError, ValueError) as error:
            last = error
        time.sleep(POLL_S)
    raise TrialError(f"not in {patience_s:g} s: {what}\n{last}")
