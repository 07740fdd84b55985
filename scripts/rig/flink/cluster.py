"""A Flink standalone session cluster: JobManagers, any number of TaskManagers, RocksDB."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import requests

from rig import checks, layout, parts
from rig.flink import client
from rig.flink.rest import Rest, RestError
from rig.processes import Known, ProcessError, Processes, environment, free_port, tail

START_PATIENCE_S = 180
JOB_MANAGER = "flink-jobmanager"
TASK_MANAGER = "flink-taskmanager"

# All folders lie in the run folder, none under /tmp. A lost TaskManager is noticed after 5 s
# instead of 50 s.
SETTINGS = """\
env.java.opts.all: {java_options}
env.log.dir: {folder}/logs
env.pid.dir: {folder}/flink/pids
io.tmp.dirs: {folder}/tmp
process.working-dir: {folder}/flink/work
web.tmpdir: {folder}/flink/web
blob.storage.directory: {folder}/flink/blobs
jobmanager.rpc.address: localhost
jobmanager.rpc.port: {rpc_port}
jobmanager.bind-host: localhost
jobmanager.memory.process.size: 896m
jobmanager.execution.failover-strategy: region
taskmanager.bind-host: localhost
taskmanager.host: localhost
taskmanager.memory.process.size: {task_manager_memory}
taskmanager.numberOfTaskSlots: {slots}
rest.address: localhost
rest.bind-address: localhost
rest.port: {rest_port}
heartbeat.interval: 1000
heartbeat.timeout: 5000
state.backend.type: rocksdb
state.backend.incremental: true
state.checkpoints.dir: file://{folder}/checkpoints
state.savepoints.dir: file://{folder}/savepoints
"""

# For more than one JobManager: ZooKeeper says which of them leads, the folder holds the jobs.
HIGH_AVAILABILITY = {
    "high-availability.type": "zookeeper",
    "high-availability.zookeeper.client.tolerate-suspended-connections": "true",
    "high-availability.zookeeper.client.session-timeout": "15000",
}
GRANTED = "DefaultDispatcherRunner was granted leadership"


class Cluster:
    """The cluster's processes.

    `settings` are Flink's and come last, so that they win; with a `zookeeper` (its address) there
    may be more JobManagers than one.
    """

    def __init__(
        self,
        folder: Path,
        processes: Processes,
        *,
        rest_port: int | None = None,
        slots: int,
        task_manager_memory: str,
        checkpoint_interval: str | None = None,
        settings: dict[str, str] | None = None,
        zookeeper: str | None = None,
    ):
        self._folder = folder
        self._conf = folder / "flink" / "conf"
        self._processes = processes
        self._home = parts.flink_home()
        # By the name they register with.
        self._task_managers: dict[str, Known] = {}
        self._task_managers_started = 0
        # The process and the port of its REST API, by name.
        self._job_managers: dict[str, tuple[Known, int]] = {}
        self._job_managers_started = 0
        self.rest_port = rest_port or free_port()
        self.rest = Rest(self.rest_port)
        self._settings = {
            "rest_port": self.rest_port,
            "slots": slots,
            "task_manager_memory": task_manager_memory,
        }
        self._more = {}
        if checkpoint_interval:
            self._more["execution.checkpointing.interval"] = checkpoint_interval
        if zookeeper:
            self._more.update(HIGH_AVAILABILITY)
            self._more["high-availability.zookeeper.quorum"] = zookeeper
            self._more["high-availability.storageDir"] = f"file://{folder}/ha"
        self._more.update(settings or {})

    def launch(self, task_managers: int = 1, job_managers: int = 1) -> None:
        """Starts the cluster's processes; `wait` waits for them."""
        self._write_conf()
        for _ in range(job_managers):
            self.start_job_manager()
        for _ in range(task_managers):
            self.start_task_manager()

    def find(self) -> None:
        """Takes the place of the script that started the run's cluster, of one JobManager."""
        [manager] = self._processes.alive_of(JOB_MANAGER)
        self._job_managers = {manager.name: (manager, self.rest_port)}
        task_managers = self._processes.alive_of(TASK_MANAGER)
        self._task_managers = {each.name: each for each in task_managers}
        self._task_managers_started = max(
            int(each.name.rpartition("-")[2]) for each in task_managers
        )

    def wait(self) -> None:
        """Returns when the leading JobManager knows exactly the TaskManagers that run."""
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            for process in [
                *(process for process, _ in self._job_managers.values()),
                *self._task_managers.values(),
            ]:
                self._processes.check(process)
            try:
                if self.rest.task_managers() == self._task_managers.keys():
                    return
            except (requests.RequestException, RestError):
                # Not listening yet, or still electing the leader.
                pass
            if time.monotonic() > deadline:
                log = self._processes.log(JOB_MANAGER)
                raise ProcessError(f"Flink did not come up; the end of {log}:\n{tail(log)}")
            time.sleep(0.2)

    def start_job_manager(self) -> None:
        self._job_managers_started += 1
        number = self._job_managers_started
        name = JOB_MANAGER if number == 1 else f"{JOB_MANAGER}-{number}"
        port = self.rest_port if number == 1 else free_port()
        # Two words: with one, jobmanager.sh takes it for the name of a host.
        process = self._start(name, "jobmanager.sh", "-D", f"rest.port={port}")
        self._job_managers[name] = process, port
        self._choose_rest()

    def kill_leader(self) -> str:
        """Ends the JobManager that leads as a crash would (SIGKILL); returns its name."""
        name = self.leader()
        process, _ = self._job_managers.pop(name)
        self._processes.kill([process])
        self._choose_rest()
        return name

    def kill_job_manager(self) -> None:
        """Ends the only JobManager as a crash would; the next one takes its place and its port."""
        [(process, _)] = self._job_managers.values()
        self._processes.kill([process])
        self._job_managers.clear()
        self._job_managers_started = 0

    def leader(self) -> str:
        """The JobManager that was granted leadership last."""
        granted = {}
        for name in self._job_managers:
            lines = self._processes.log(name).read_text(errors="replace").splitlines()
            # A log line opens with its time, so that lines of several logs can be compared.
            granted[name] = max((line for line in lines if GRANTED in line), default="")
        return max(granted, key=granted.get)

    def _choose_rest(self) -> None:
        """Any JobManager answers for the one that leads; the youngest of those left is asked."""
        if self._job_managers:
            _, port = list(self._job_managers.values())[-1]
            self.rest.move_to(port)

    def start_task_manager(self) -> None:
        self._task_managers_started += 1
        name = f"{TASK_MANAGER}-{self._task_managers_started}"
        self._task_managers[name] = self._start(
            name, "taskmanager.sh", f"-Dtaskmanager.resource-id={name}"
        )

    def kill_task_manager(self, *, oldest: bool = False) -> None:
        """Ends the youngest TaskManager, or the oldest, as a crash would (SIGKILL)."""
        name = list(self._task_managers)[0 if oldest else -1]
        self._processes.kill([self._task_managers.pop(name)])

    def job_managers(self) -> list[Known]:
        """Those that run, the oldest first."""
        return [process for process, _ in self._job_managers.values()]

    def task_managers(self) -> list[Known]:
        """Those that run, the oldest first."""
        return list(self._task_managers.values())

    @property
    def lib(self) -> Path:
        """The folder of Flink's own jars."""
        return self._home / "lib"

    def log(self, name: str) -> Path:
        return self._processes.log(name)

    def logs(self) -> list[Path]:
        """Of every process of the cluster that runs."""
        return [self.log(name) for name in (*self._job_managers, *self._task_managers)]

    def job_manager_alive(self) -> bool:
        return all(process.alive() for process, _ in self._job_managers.values())

    def submit(
        self,
        *arguments: str,
        from_savepoint: str | None = None,
        parallelism: int = 1,
        settings: dict[str, str] | None = None,
        jar: Path = layout.JAR,
        main: str = layout.JOB_CLASS,
    ) -> str:
        """`flink run` of the job's jar with the job's own arguments; returns the job's id.

        `settings` are Flink's, of this job alone.
        """
        flags = ["--detached", "--parallelism", str(parallelism)]
        flags += [f"-D{name}={value}" for name, value in (settings or {}).items()]
        if from_savepoint:
            flags += ["--fromSavepoint", from_savepoint]
        done = self.flink("run", *flags, "--class", main, str(jar), *arguments)
        job_id = client.submitted(done)
        if job_id is None:
            raise ProcessError(client.told(done))
        return job_id

    def stop_with_savepoint(self, job_id: str) -> str:
        """`flink stop` of a job; returns the savepoint's path."""
        done = self.flink("stop", job_id)
        found = re.search(r"Path: (\S+)", done.stdout)
        if done.returncode != 0 or found is None:
            raise ProcessError(
                f"flink stop ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return found.group(1)

    def flink(self, *words: str, lib: Path | None = None) -> subprocess.CompletedProcess:
        """The command line `flink`, against this cluster; `lib` takes the place of its own."""
        more = {"FLINK_LIB_DIR": str(lib)} if lib else {}
        return subprocess.run(
            [self._home / "bin" / "flink", *words],
            env={**self._environment(), **more},
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def _start(self, name: str, script: str, *arguments: str) -> Known:
        # In the foreground the script becomes the JVM, so the process id known is the right one.
        return self._processes.start(
            name,
            [self._home / "bin" / script, "start-foreground", *arguments],
            self._environment(),
            self._folder,
        )

    def _environment(self) -> dict[str, str]:
        return environment(
            FLINK_CONF_DIR=str(self._conf),
            FLINK_LOG_DIR=str(self._folder / "logs"),
            FLINK_IDENT_STRING="run",
        )

    def _write_conf(self) -> None:
        self._conf.mkdir(parents=True)
        for folder in ("logs", "tmp", "checkpoints", "savepoints", "ha"):
            (self._folder / folder).mkdir(exist_ok=True)
        shipped = self._home / "conf"
        for logging in shipped.glob("log4j*.properties"):
            (self._conf / logging.name).write_text(logging.read_text())
        java_options = f"-Djava.io.tmpdir={self._folder / 'tmp'}"
        # Java 8 does not know these options, newer ones need them.
        found = re.search(
            r"^env\.java\.opts\.all: (.+)$", (shipped / "flink-conf.yaml").read_text(), re.MULTILINE
        )
        if found and checks.java_version() > 8:
            java_options += " " + found.group(1)
        (self._conf / "flink-conf.yaml").write_text(
            SETTINGS.format(
                folder=self._folder,
                java_options=java_options,
                rpc_port=free_port(),
                **self._settings,
            )
            + "".join(f"{name}: {value}\n" for name, value in self._more.items())
        )
