"""One trial with one version of Ansible: the first process of a world of its own.

Hosts and what they need are started, the playbook deploys, Flink's own scripts stop and start the
cluster, processes die, the job is upgraded, rolled back and rescaled, and the ledger is kept over
all of it. Then the playbook takes everything away again.
"""

from __future__ import annotations

import sys
import time

import requests
from confluent_kafka import KafkaException
from rich.console import Console

from rig import job, ledger, load, records
from rig.broker import Broker
from rig.flink.rest import JobError, RestError
from rig.flink.zookeeper import ZooKeeper
from rig.hosts.ansible import Ansible, PlaybookError, exact
from rig.hosts.hdfs import Hdfs
from rig.hosts.host import USER, Host, HostError
from rig.hosts.network import Network
from rig.hosts.site import (
    CURRENT,
    JOB_MANAGER,
    PIDS,
    ROCKSDB,
    ROOT,
    TASK_MANAGER,
    FlinkSite,
    TrialError,
    eventually,
)
from rig.hosts.visitors import Visitors
from rig.ledger import Account
from rig.processes import ProcessError
from rig.run import Run, end_as_by_ctrl_c
from rig.steps import Steps

HOSTS = ["flink-1", "flink-2", "flink-3"]
BROKER_PORT = 9092
PARTITIONS = 12
SESSIONS = "log-sessions"
JOB = "hosts"
GENERATED = 20_000
# The visitors' time ends before that of the generated load begins.
LATER_MS = 24 * 3_600_000
PATIENCE_S = 120
BROKEN_BUILD = "0123456789abcdef"
FAILURES = (
    TrialError,
    HostError,
    PlaybookError,
    ProcessError,
    JobError,
    RestError,
    KafkaException,
    requests.RequestException,
    OSError,
)

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    end_as_by_ctrl_c()
    name, version = sys.argv[1:]
    run = Run(name)
    try:
        with Steps(console) as steps:
            trial = Trial(run, version, steps)
            trial.prepare()
            trial.deploy()
            trial.submit()
            trial.lose_processes()
            trial.change_the_job()
            trial.restart()
            told = trial.settle()
            trial.uninstall()
    except KeyboardInterrupt:
        return 130
    except FAILURES as error:
        console.print(f"[red]FAILED[/] {error.__class__.__name__}", end=": ")
        console.print(error, markup=False)
        (run.folder / "outcome").write_text(f"{error}".splitlines()[0])
        return 1
    (run.folder / "outcome").write_text(told)
    return 0


class Trial:
    def __init__(self, run: Run, version: str, steps: Steps):
        self._run = run
        self._steps = steps
        self._version = version
        processes, folder = run.processes, run.folder
        self._network = Network(folder / "network", HOSTS)
        here = self._network.control.name
        self._hosts = [
            Host(place, folder / "hosts" / place.name, self._network, processes)
            for place in self._network.places
        ]
        self._broker = Broker(folder, processes, BROKER_PORT, host=here)
        self._zookeeper = ZooKeeper(folder, processes, host=here)
        self._hdfs = Hdfs(folder, processes, here)
        self._site = FlinkSite(folder, self._network, self._hosts, self._zookeeper.address)
        self._ansible = Ansible(
            version, self._site.inventory, folder / "ansible", folder / "logs" / "ansible.log"
        )
        self._visitors = Visitors(self._broker.bootstrap_servers)
        self._generated: list[records.Acknowledged] = []
        self._began = time.monotonic()
        self._job_id = ""
        self._unchanged_s = 0.0

    def prepare(self) -> None:
        with self._steps.step("Hosts, Kafka, ZooKeeper, HDFS") as say:
            self._network.start()
            self._broker.launch()
            self._zookeeper.launch()
            self._hdfs.launch()
            self._site.furnish(self._hdfs)
            for host in self._hosts:
                host.start()
            for part in (*self._hosts, self._broker, self._zookeeper, self._hdfs):
                part.wait()
            for host in self._hosts:
                host.ssh("true", USER)
            self._hdfs.make_folder("/flink", USER)
            say(", ".join(f"{host.name} {host.address}" for host in self._hosts))

    def deploy(self) -> None:
        with self._steps.step("The playbook deploys") as say:
            changed = self._play("deploy.yml")
            self._site.wait_for(masters=2, workers=3)
            say(f"{exact(self._version)}, {changed} changes")
        with self._steps.step("It is run again") as say:
            changed = self._play("deploy.yml")
            if changed:
                raise TrialError(f"the second run of the playbook changed {changed} things")
            say(f"changed=0 on {len(HOSTS)} hosts")
        first = self._hosts[0]
        with self._steps.step("stop-cluster.sh") as say:
            self._site.flink(first, "stop-cluster.sh")
            self._site.wait_until_gone()
            say(f"on {first.name}, over ssh to all")
        with self._steps.step("start-cluster.sh") as say:
            self._site.flink(first, "start-cluster.sh")
            self._site.wait_for(masters=2, workers=3)
            say(f"{self._site.leader().name} leads, 2 JobManagers, 3 TaskManagers")

    def submit(self) -> None:
        self._site.take_settings()
        topics = (job.INPUT, job.OUTPUT, SESSIONS)
        servers = self._broker.bootstrap_servers
        records.create_topics(servers, dict.fromkeys(topics, PARTITIONS))
        with self._steps.step("scripts/job submit") as say:
            options = ("--bootstrap-servers", servers, "--session-topic", SESSIONS)
            words = ("--parallelism", "4", "--", "--job-name", JOB, *options)
            self._site.job("submit", *words)
            self._job_id = self._site.job_id()
            self._visitors.go_on()
            self._check()
            path = self._newest_checkpoint()
            if not path.startswith(f"{self._hdfs.url}/"):
                raise TrialError(f"the checkpoint is at {path}")
            say(f"tasks on {', '.join(sorted(self._where()))}, checkpoints at {path}")

    def lose_processes(self) -> None:
        site = self._site
        with self._visitors.going_on():
            with self._steps.step("The leading JobManager dies") as say:
                old = site.leader()
                site.kill(old, JOB_MANAGER)
                site.wait_for(masters=1, workers=3)
                site.wait_for_job(self._job_id)
                say(f"{old.name}'s, {site.leader().name} took the job over")
                if site.leader() is old:
                    raise TrialError(f"{old.name} leads, though its JobManager was killed")
            with self._steps.step("jobmanager.sh start") as say:
                site.flink(old, "jobmanager.sh", "start", old.name, "8081")
                site.wait_for(masters=2, workers=3)
                say(f"{old.name} stands by")
            with self._steps.step("A TaskManager dies") as say:
                lost = self._hosts[-1]
                before = site.rest().restarts(self._job_id)
                site.kill(lost, TASK_MANAGER)
                eventually("the job notices", lambda: site.rest().restarts(self._job_id) > before)
                site.wait_for_job(self._job_id)
                if lost.name in self._where():
                    raise TrialError(f"tasks run on {lost.name}, whose TaskManager was killed")
                say(f"{lost.name}'s, the job went on on {', '.join(sorted(self._where()))}")
            with self._steps.step("taskmanager.sh start") as say:
                site.flink(lost, "taskmanager.sh", "start")
                site.wait_for(masters=2, workers=3)
                say(f"on {lost.name}")
        self._check()

    def change_the_job(self) -> None:
        site, folder = self._site, self._run.folder / "jars"
        with self._steps.step("scripts/job upgrade") as say:
            self._visitors.go_on()
            other = job.another_release(folder)
            site.job("upgrade", "--name", JOB, "--jar", str(other))
            self._go_on_and_check()
            say("the same sessions, counted on")
        with self._steps.step("A jar that does not hold") as say:
            broken = job.another_release(folder, build_id=BROKEN_BUILD)
            words = ("--name", JOB, "--jar", str(broken), "--patience", str(PATIENCE_S))
            told = site.job("upgrade", *words, ends_with=1)
            for wanted in (f"are of build {BROKEN_BUILD}", "Rolled back"):
                if wanted not in told:
                    raise TrialError(f"scripts/job did not say {wanted!r}:\n{told}")
            self._go_on_and_check()
            say("rolled back by itself, the same sessions")
        with self._steps.step("scripts/job rescale 6") as say:
            site.job("rescale", "--name", JOB, "6")
            self._go_on_and_check()
            if self._where() != set(HOSTS):
                raise TrialError(f"tasks run on {self._where()} only")
            say(f"tasks on {', '.join(sorted(self._where()))}")

    def restart(self) -> None:
        with self._visitors.going_on(), self._steps.step("Rolling restart") as say:
            changed = self._play("restart.yml")
            self._site.wait_for(masters=2, workers=3)
            self._site.wait_for_job(self._job_id)
            say(f"the playbook, one process after the other, {changed} changes")
        self._check()

    def settle(self) -> str:
        """Sends what closes the sessions, and keeps the ledger over all; returns what ran."""
        with self._steps.step("A generated load") as say:
            generated = load.generated(GENERATED, seed=7, start_ms=load.START_MS + LATER_MS)
            servers = self._broker.bootstrap_servers
            self._generated = records.send(servers, job.INPUT, [each.record for each in generated])
            account = self._keep()
            say(f"{GENERATED:,} records with bad ones, {len(account.closed):,} sessions closed")
        told = self._site.job("status", "--name", JOB)
        console.print(told.rstrip(), markup=False)
        if not ledger.show(account, console):
            raise TrialError("the ledger does not balance")
        self._site.job("stop", "--name", JOB)
        took = time.monotonic() - self._began
        return (
            f"{exact(self._version)}: second run changed=0; {len(account.records_in):,} records,"
            f" {account.repeats:,} repeats, ledger PASS; {took:.0f} s"
        )

    def uninstall(self) -> None:
        with self._steps.step("The playbook takes it away") as say:
            self._play("uninstall.yml")
            self._site.wait_until_gone()
            for host in self._hosts:
                for path in (ROOT, CURRENT, PIDS, ROCKSDB):
                    host.ssh(f"[ ! -e {path} ]")
            say("no process, no folder left")

    def _play(self, playbook: str) -> int:
        """Runs a playbook on all hosts; returns how many things it changed."""
        recaps = self._ansible.play(playbook)
        # The control machine may stand among them.
        if not set(HOSTS) <= {recap.host for recap in recaps}:
            raise TrialError(f"{playbook} was not played on all hosts: {recaps}")
        return sum(recap.changed for recap in recaps)

    def _go_on_and_check(self) -> None:
        self._job_id = self._site.job_id()
        self._visitors.go_on()
        self._check()

    def _check(self) -> None:
        """What was sent has come out, and the visitors' sessions go on without a gap."""
        account = self._keep()
        differences = account.differences()
        if differences:
            raise TrialError(f"the ledger does not balance: {differences}")
        broken = self._visitors.broken_sessions(account)
        if broken:
            raise TrialError(f"{len(broken)} events with another session: {broken[:5]}")

    def _keep(self) -> Account:
        return ledger.keep(
            self._broker.bootstrap_servers,
            session_topic=SESSIONS,
            acknowledged=[*self._visitors.sent, *self._generated],
            patience_s=PATIENCE_S,
        )

    def _where(self) -> set[str]:
        return self._site.rest().hosts_of(self._job_id)

    def _newest_checkpoint(self) -> str:
        return self._site.rest().wait_for_checkpoint(self._job_id)["external_path"]


if __name__ == "__main__":
    sys.exit(main())
