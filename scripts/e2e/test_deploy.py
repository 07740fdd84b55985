"""The playbooks on this machine, without root: 127.0.0.2 and 127.0.0.3 are two hosts.

The tests are stations of one deployment, in their order; all of them with `--long`. Flink is real;
scripts/test-deploy does the same, and more, on hosts of their own.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rig import checks, parts
from rig.flink.rest import Rest
from rig.hosts import ansible
from rig.hosts.ansible import Ansible, Recap
from rig.processes import free_port
from rig.run import Run

HERE = Path(__file__).parent
OLD, NEW = "2.9.27", "current"
FLINK = f"flink-{parts.FLINK_VERSION}"


class Machine:
    """Two hosts of one machine: m1 is a master, w1 a worker, each with a root of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.inventory = folder / "inventory.json"
        self.log = folder / "logs" / "ansible.log"
        self.rest_port = free_port()
        archive = parts.flink_archive()
        self._variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "flink_archive": str(archive),
            "flink_archive_sha512": hashlib.sha512(archive.read_bytes()).hexdigest(),
            "flink_root": f"{folder}/{{{{ inventory_hostname }}}}/flink",
            "flink_user": getpass.getuser(),
            "flink_group": subprocess.check_output(["id", "-gn"], text=True).strip(),
            "flink_become": False,
            "flink_init": "scripts",
            "flink_java_home": str(checks.java().resolve().parents[1]),
            "flink_rpc_port": free_port(),
            "flink_rest_port": self.rest_port,
            "flink_checkpoints_dir": f"file://{folder}/checkpoints",
            "flink_jobmanager_memory": "896m",
            "flink_taskmanager_memory": "1100m",
            "flink_parallelism": 2,
        }
        self.describe()

    def describe(self, *, masters: str = "m1", workers: str = "w1", **changed: object) -> None:
        """Writes the inventory, with other variables than at first."""
        addresses = {"m1": "127.0.0.2", "w1": "127.0.0.3"}
        groups = {
            group: {"hosts": {name: {"ansible_host": addresses[name]} for name in names.split()}}
            for group, names in (("masters", masters), ("workers", workers))
        }
        everything = {"vars": {**self._variables, **changed}, "children": groups}
        self.inventory.write_text(json.dumps({"all": everything}))

    def play(self, version: str, playbook: object, *options: str) -> tuple[list[Recap], str]:
        """Runs a playbook; returns what it did and all that it said."""
        before = self.log.stat().st_size if self.log.exists() else 0
        player = Ansible(version, self.inventory, self.folder / "ansible", self.log)
        recaps = player.play(str(playbook), *options)
        return recaps, self.log.read_text()[before:]

    def changes(self, version: str, playbook: str, *options: str) -> int:
        return sum(recap.changed for recap in self.play(version, playbook, *options)[0])

    def root(self, host: str) -> Path:
        return self.folder / host / "flink"

    def conf(self, host: str) -> Path:
        return self.root(host) / "current" / "conf"

    def pids(self) -> dict[str, int]:
        """The process of each host, by the file that Flink's scripts write."""
        files = self.folder.glob("*/flink/run/*.pid")
        return {file.parents[2].name: int(file.read_text().split()[-1]) for file in files}

    def registered(self) -> set[str]:
        rest = Rest(self.rest_port)
        rest.url = f"http://127.0.0.2:{self.rest_port}"
        return rest.task_managers()

    def put_away(self) -> None:
        for pid in self.pids().values():
            with contextlib.suppress(OSError):
                if b"org.apache.flink" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)


def skip_without_ansible() -> None:
    for version in (OLD, NEW):
        try:
            ansible.provide(version)
        except ansible.Unavailable as reason:
            pytest.skip(f"ansible {version}: {reason}")


@pytest.fixture(scope="module")
def machine():
    skip_without_ansible()
    run = Run("deploy-here")
    with run.alone():
        run.create()
        machine = Machine(run.folder)
        try:
            yield machine
        finally:
            machine.put_away()
        run.remove()


def settings(*folders: Path) -> dict[Path, dict[str, str]]:
    """What Flink's own configuration class reads; each key is known and each value readable."""
    lib = parts.flink_home() / "lib"
    done = subprocess.run(
        [checks.java(), "-cp", f"{lib}/*", HERE / "FlinkConf.java", lib, *folders],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 3]
    # Some keys are read by Flink's scripts alone.
    scripts = (parts.flink_home() / "bin" / "config.sh").read_text()
    assert [row for row in rows if row[3] and f'="{row[1]}"' not in scripts] == []
    for folder in folders:
        text = (folder / "flink-conf.yaml").read_text()
        keys = [line.partition(":")[0] for line in text.splitlines() if line and line[0] != "#"]
        assert len(keys) == len(set(keys)), keys
    return {
        folder: {key: value for at, key, value, _ in rows if at == str(folder)}
        for folder in folders
    }


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


@pytest.mark.parametrize("version", [pytest.param(OLD, marks=pytest.mark.long), NEW])
def test_a_wrong_inventory_is_told_at_once(machine, note, version):
    """One list of what is wrong with all hosts, and nothing is done to them."""
    machine.describe(flink_init="sysv", flink_rest_prot=1, flink_parallelism=64)
    with pytest.raises(ansible.PlaybookError) as refused:
        machine.play(version, "deploy.yml")
    machine.describe()
    for told in (
        "every host: there is no variable flink_rest_prot",
        "every host: flink_init is systemd or scripts",
        "flink_parallelism is 64, but the workers have 2 slots together",
    ):
        assert told in str(refused.value)
    assert not machine.root("m1").exists()
    note("3 mistakes")


@pytest.mark.parametrize("version", [OLD, pytest.param(NEW, marks=pytest.mark.long)])
def test_a_fresh_host_is_only_looked_at_with_check(machine, note, version):
    """`--check` before the first deployment: it goes through and leaves no trace."""
    recaps, told = machine.play(version, "deploy.yml", "--check")
    assert [recap.changed for recap in recaps] == [0, 0]
    assert "would be unpacked" in told
    assert not machine.root("m1").exists()
    note("nothing changed")


def test_the_first_run_installs_and_starts(machine, note):
    """Both processes run, and the worker is registered by its own address."""
    recaps, _ = machine.play(NEW, "deploy.yml")
    assert all(recap.changed for recap in recaps)
    [registered] = machine.registered()
    assert registered.startswith("127.0.0.3:")
    assert (machine.root("m1") / "current").readlink() == Path(FLINK)
    assert (machine.conf("m1") / "masters").read_text() == f"127.0.0.2:{machine.rest_port}\n"
    assert (machine.conf("m1") / "workers").read_text() == "127.0.0.3\n"
    for host in ("m1", "w1"):
        assert mode(machine.conf(host).resolve()) == "0o750"
        for name in ("flink-conf.yaml", "environment", "masters", "workers"):
            assert mode(machine.conf(host) / name) == "0o640"
    note("JobManager and TaskManager")


@pytest.mark.parametrize("version", [OLD, pytest.param(NEW, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "options",
    [(), pytest.param(("--check", "--diff"), marks=pytest.mark.long)],
    ids=["run", "check"],
)
def test_a_further_run_changes_nothing(machine, note, version, options):
    """Whichever ansible deployed: changed=0, and the processes are the same."""
    before = machine.pids()
    assert machine.changes(version, "deploy.yml", *options) == 0
    assert machine.pids() == before
    note("changed=0")


def test_flink_reads_the_settings_of_each_role(machine, note):
    """By GlobalConfiguration: each host has its own, and no key is unknown."""
    master, worker = settings(machine.conf("m1"), machine.conf("w1")).values()
    for conf in (master, worker):
        assert conf["jobmanager.rpc.address"] == "127.0.0.2"
        assert conf["rest.address"] == "127.0.0.2"
        assert conf["rest.bind-address"] == "0.0.0.0"
        assert conf["state.backend.type"] == "rocksdb"
        assert conf["execution.checkpointing.interval"] == "45 s"
        assert ("--add-opens" in conf["env.java.opts.all"]) == (checks.java_version() > 8)
    assert master["jobmanager.memory.process.size"] == "896m"
    assert "taskmanager.host" not in master
    assert worker["taskmanager.host"] == "127.0.0.3"
    assert worker["taskmanager.numberOfTaskSlots"] == "2"
    assert "jobmanager.memory.process.size" not in worker
    note(f"{len(master)} and {len(worker)} settings")


@pytest.mark.long
def test_another_setting_restarts_nothing_but_is_told(machine, note):
    """What runs goes on with the old setting; each run says that a restart is due, until it was."""
    before = machine.pids()
    machine.describe(flink_extra_conf={"heartbeat.timeout": 40000, "web.cancel.enable": False})
    recaps, told = machine.play(OLD, "deploy.yml")
    assert [recap.changed for recap in recaps] == [1, 1]
    assert told.count("A restart is due") == 2
    _, told = machine.play(NEW, "deploy.yml")
    assert told.count("A restart is due") == 2
    assert machine.pids() == before
    assert settings(machine.conf("w1"))[machine.conf("w1")]["web.cancel.enable"] == "false"

    machine.play(OLD, "restart.yml")
    after = machine.pids()
    assert {host for host in after if after[host] != before[host]} == {"m1", "w1"}
    assert len(machine.registered()) == 1
    recaps, told = machine.play(NEW, "deploy.yml")
    assert "A restart is due" not in told
    assert [recap.changed for recap in recaps] == [0, 0]
    note("told twice, restarted one after the other")


@pytest.mark.long
def test_all_at_once(machine, note):
    """`-e flink_restart=full`."""
    before = machine.pids()
    machine.play(NEW, "restart.yml", "-e", "flink_restart=full")
    after = machine.pids()
    assert {host for host in after if after[host] != before[host]} == {"m1", "w1"}
    note("both processes anew")


@pytest.mark.long
def test_every_switch(machine, note):
    """HDFS, ZooKeeper, RocksDB on two disks, a master that is a worker too; then none of it."""
    site = machine.folder / "core-site.xml"
    site.write_text("<configuration/>\n")
    jars = parts.flink_home() / "lib"
    with socket.create_server(("127.0.0.1", 0)) as answering:
        place = f"127.0.0.1:{answering.getsockname()[1]}"
        machine.describe(
            workers="m1 w1",
            flink_hadoop_classpath=f"{jars}/*",
            flink_hadoop_conf_dir=f"{machine.folder}/{{{{ inventory_hostname }}}}/hadoop",
            flink_core_site=str(site),
            flink_checkpoints_dir=f"hdfs://{place}/checkpoints",
            flink_savepoints_dir=f"hdfs://{place}/savepoints",
            flink_high_availability_dir=f"hdfs://{place}/ha",
            flink_zookeeper_quorum=place,
            flink_cluster_id="/sessions",
            flink_rocksdb_local_dir=f"{machine.folder}/disk1,{machine.folder}/disk2",
            flink_ssh_opts="-l ec2-user -i ~/.ssh/keypair.pem -o IdentitiesOnly=yes",
            flink_extra_conf={"security.ssl.rest.key-password": "hunter2"},
        )
        _, told = machine.play(NEW, "deploy.yml", "--skip-tags", "start", "--diff", "-v")
    assert "hunter2" not in told
    both, worker = settings(machine.conf("m1"), machine.conf("w1")).values()
    for conf in (both, worker):
        assert conf["high-availability.type"] == "zookeeper"
        assert conf["high-availability.zookeeper.quorum"] == place
        assert conf["high-availability.storageDir"] == f"hdfs://{place}/ha"
        assert conf["high-availability.cluster-id"] == "/sessions"
        assert conf["state.savepoints.dir"] == f"hdfs://{place}/savepoints"
        assert conf["state.backend.rocksdb.localdir"].count("disk") == 2
        assert conf["execution.checkpointing.unaligned.enabled"] == "true"
        assert conf["state.checkpoints.num-retained"] == "3"
        assert conf["env.ssh.opts"].startswith("-l ec2-user -i ~/.ssh/keypair.pem")
    assert both["jobmanager.memory.process.size"] == "896m"
    assert both["taskmanager.host"] == "127.0.0.2"
    assert (machine.folder / "w1" / "hadoop" / "core-site.xml").read_text() == site.read_text()
    # Each of Flink's scripts knows the class path, whatever the shell.
    shown = subprocess.run(
        ["bash", "-c", f'. "{machine.root("w1")}/current/bin/config.sh"; echo "$HADOOP_CLASSPATH"'],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert shown.stdout.splitlines()[-1] == f"{jars}/*"

    machine.describe(flink_rocksdb=False, flink_checkpoints_dir="")
    machine.play(OLD, "deploy.yml", "--skip-tags", "start")
    heap = settings(machine.conf("w1"))[machine.conf("w1")]
    assert heap["state.backend.type"] == "hashmap"
    assert not [key for key in heap if key.startswith(("high-av", "state.check", "execution"))]
    note(f"{len(both)} settings of a master and worker, none unknown")


@pytest.mark.long
def test_uninstalling_removes_what_was_made_and_nothing_else(machine, note):
    """Processes and folders are gone; what somebody put there, and checkpoints, are not."""
    machine.describe()
    own = machine.root("w1") / "somebody-elses"
    own.mkdir()
    checkpoint = machine.folder / "checkpoints" / "chk-1"
    checkpoint.mkdir(parents=True)
    pids = machine.pids()
    machine.play(OLD, "uninstall.yml")
    assert not machine.root("m1").exists()
    assert list(machine.root("w1").iterdir()) == [own]
    assert checkpoint.exists()
    for pid in pids.values():
        with contextlib.suppress(FileNotFoundError):
            assert b"org.apache.flink" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert machine.changes(NEW, "uninstall.yml") == 0
    note("a second run changes nothing")


def test_the_units_are_right(tmp_path, note):
    """By systemd-analyze verify, for either ansible; they are not run."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not there")
    skip_without_ansible()
    (tmp_path / "logs").mkdir()
    units = tmp_path / "units"
    units.mkdir()
    machine = Machine(tmp_path)
    machine.describe(flink_systemd_dir=str(units))
    # What they start has to be there.
    for host in ("m1", "w1"):
        shutil.copytree(parts.flink_home() / "bin", machine.root(host) / "current" / "bin")
    playbook = tmp_path / "units.yml"
    task = {"import_role": {"name": "flink", "tasks_from": "units"}}
    play = {"hosts": "masters:workers", "gather_facts": False, "tasks": [task]}
    playbook.write_text(json.dumps([play]))
    assert machine.changes(OLD, str(playbook)) == 2
    assert machine.changes(NEW, str(playbook)) == 0
    files = sorted(units.iterdir())
    assert [each.name for each in files] == [
        "flink-jobmanager.service",
        "flink-taskmanager.service",
    ]
    for file in files:
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        for line in ("Restart=always", "Type=simple", "LimitNOFILE=1048576"):
            assert f"\n{line}\n" in file.read_text()
    note("2 units, no complaint")
