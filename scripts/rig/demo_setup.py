"""What the demo runs on: its broker, cluster and topics, and how a later command finds them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from rig import ledger, records
from rig.broker import Broker
from rig.flink.cluster import Cluster
from rig.ledger import Account
from rig.processes import ProcessError
from rig.run import Run

PARTITIONS = 12
SLOTS = 4
# Without anything coming out for that long, a ledger does not wait any longer.
PATIENCE_S = 30


class Demo:
    """The demo's parts; with facts of its own that outlive the command that started it."""

    def __init__(self, run: Run, broker_port: int, web_port: int):
        self.run = run
        self.broker = Broker(run.folder, run.processes, broker_port)
        self.cluster = Cluster(
            run.folder,
            run.processes,
            rest_port=web_port,
            slots=SLOTS,
            task_manager_memory="1728m",
            checkpoint_interval="10s",
        )
        self.job_id = ""
        # What is submitted: a copy, so that a build does not take away the way back.
        self.jar = ""
        self.parallelism = 1
        # The job's own arguments.
        self.arguments: list[str] = []
        # How many loads were sent: each has its own users and its own time.
        self.rounds = 0
        # In the ledger after the incident before.
        self.repeats = 0

    @classmethod
    def running(cls, run: Run) -> Demo:
        """The one that an earlier command started."""
        try:
            facts = json.loads((run.folder / "demo.json").read_text())
        except FileNotFoundError:
            raise ProcessError("the demo is not up; `scripts/demo up` starts it") from None
        demo = cls(run, facts.pop("broker_port"), facts.pop("web_port"))
        vars(demo).update(facts)
        demo.broker.find()
        demo.cluster.find()
        return demo

    def write(self) -> None:
        """Writes down what a later command needs."""
        facts = {
            "broker_port": self.broker.port,
            "web_port": self.cluster.rest_port,
            "job_id": self.job_id,
            "jar": self.jar,
            "parallelism": self.parallelism,
            "arguments": self.arguments,
            "rounds": self.rounds,
            "repeats": self.repeats,
        }
        (self.run.folder / "demo.json").write_text(json.dumps(facts))

    def take(self, jar: Path) -> None:
        """Copies a jar, which is submitted from now on."""
        copies = self.run.folder / "jars"
        copies.mkdir(exist_ok=True)
        copy = copies / str(len(list(copies.iterdir())) + 1) / jar.name
        copy.parent.mkdir()
        self.jar = str(shutil.copyfile(jar, copy))

    def submit(self, state: str | None = None) -> None:
        """Submits the job, from a savepoint or checkpoint where one is given, and waits for it."""
        self.job_id = self.cluster.submit(
            *("--bootstrap-servers", self.broker.bootstrap_servers),
            *self.arguments,
            from_savepoint=state,
            parallelism=self.parallelism,
            jar=Path(self.jar),
        )
        self.write()
        self.cluster.rest.wait_for_state(self.job_id, "RUNNING")

    def keep(self, sent: list[records.Acknowledged] | None = None) -> Account:
        """The ledger over what was sent, or over all that lies on the input topic."""
        return ledger.keep(self.broker.bootstrap_servers, acknowledged=sent, patience_s=PATIENCE_S)
