"""Where faults are done: a broker behind a proxy, ZooKeeper, JobManagers and TaskManagers."""

from __future__ import annotations

import shutil
from pathlib import Path

from rig import layout
from rig.broker import Broker
from rig.faults.proxy import Proxy
from rig.flink.cluster import Cluster
from rig.flink.zookeeper import ZooKeeper
from rig.processes import ProcessError, free_port
from rig.run import Run

JOB_MANAGERS = 2
TASK_MANAGERS = 2
SLOTS = 4
# A short run gains nothing from the JVM's slower, better compiler.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# Older checkpoints than the newest stay, so that there is a way back; tasks are on all
# TaskManagers, so that a lost one is always felt.
SETTINGS = {
    "state.checkpoints.num-retained": "3",
    "cluster.evenly-spread-out-slots": "true",
    "env.java.opts.jobmanager": QUICK_JAVA,
    "env.java.opts.taskmanager": QUICK_JAVA,
}


class Stage:
    @classmethod
    def started(cls, run: Run, settings: dict[str, str]) -> Stage:
        # What an earlier stage wrote is of no use to this one, but for the logs.
        for folder in ("flink", "kafka", "zookeeper", "ha", "checkpoints", "savepoints"):
            shutil.rmtree(run.folder / folder, ignore_errors=True)
        stage = cls(run, settings)
        stage.start()
        return stage

    def __init__(self, run: Run, settings: dict[str, str]):
        """`settings` are Flink's, in place of those of the rig."""
        self.run = run
        # Set where a job could not be ended, so that the stage is no place for the next one.
        self.broken = False
        # What the jars are called where they were uploaded to, by jar and place.
        self._uploaded: dict[tuple[Path, str], str] = {}
        self.settings = settings
        proxy_port = free_port()
        self.broker = Broker(run.folder, run.processes, proxy_port=proxy_port)
        self.proxy = Proxy(proxy_port, self.broker.proxied_port)
        # Where the job finds the broker; the ledger and the producer go to it directly.
        self.job_servers = f"localhost:{proxy_port}"
        self.zookeeper = ZooKeeper(run.folder, run.processes)
        self.cluster = Cluster(
            run.folder,
            run.processes,
            slots=SLOTS,
            task_manager_memory="1400m",
            settings={**SETTINGS, **settings},
            zookeeper=self.zookeeper.address,
        )

    def start(self) -> None:
        self.proxy.start()
        self.broker.launch()
        self.zookeeper.launch()
        self.zookeeper.wait()
        self.cluster.launch(task_managers=TASK_MANAGERS, job_managers=JOB_MANAGERS)
        self.broker.wait()
        self.cluster.wait()

    def submit(self, jar: Path, **body: object) -> str:
        """Runs the job's main in the JobManager, which is up already; returns the job's id."""
        rest = self.cluster.rest
        if (jar, rest.url) not in self._uploaded:
            self._uploaded[jar, rest.url] = rest.upload(jar)
        return rest.run(self._uploaded[jar, rest.url], entryClass=layout.JOB_CLASS, **body)

    def whole(self) -> bool:
        """Whether all is there for the next fault."""
        if self.broken or not self.broker.alive():
            return False
        try:
            self.cluster.wait()
        except ProcessError:
            return False
        return True

    def stop(self) -> None:
        self.proxy.stop()
        self.run.stop()
