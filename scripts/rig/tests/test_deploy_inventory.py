"""What is wrong with an inventory is told at once, each mistake in a sentence."""

from __future__ import annotations

import hashlib
import importlib.util

import pytest

from rig.layout import PROJECT

ROLE = PROJECT / "scripts" / "deploy" / "roles" / "flink"


def _load():
    """The role's filters; ansible loads them by their path too."""
    file = ROLE / "filter_plugins" / "flink_inventory.py"
    spec = importlib.util.spec_from_file_location("flink_inventory", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = _load()


def variables(archive: str = "/nowhere.tgz", **changed: object) -> dict:
    """A host's variables, right but for what is changed."""
    return {
        "flink_version": "1.18.1",
        "flink_archive": archive,
        "flink_archive_sha512": "0" * 128,
        "flink_root": "/opt/flink",
        "flink_log_dir": "/opt/flink/log",
        "flink_pid_dir": "/opt/flink/run",
        "flink_tmp_dir": "/opt/flink/tmp",
        "flink_user": "flink",
        "flink_group": "flink",
        "flink_become": True,
        "flink_init": "systemd",
        "flink_systemd_dir": "/etc/systemd/system",
        "flink_java_home": "",
        "flink_advertised_address": "10.0.0.1",
        "flink_rpc_port": 6123,
        "flink_rest_port": 8081,
        "flink_ssh_opts": "-i ~/.ssh/key -o IdentitiesOnly=yes",
        "flink_jobmanager_memory": "1600m",
        "flink_taskmanager_memory": "1728m",
        "flink_taskmanager_slots": 2,
        "flink_parallelism": 2,
        "flink_rocksdb": True,
        "flink_rocksdb_local_dir": "/data/1/flink,/data/2/flink",
        "flink_checkpoints_dir": "hdfs://namenode:8020/flink/checkpoints",
        "flink_savepoints_dir": "hdfs:///flink/savepoints",
        "flink_hadoop_home": "/opt/hadoop",
        "flink_hadoop_version": "3.3.6",
        "flink_hadoop_classpath": "",
        "flink_hadoop_conf_dir": "/opt/hadoop/etc/hadoop",
        "flink_core_site": "",
        "flink_hdfs_site": "",
        "flink_zookeeper_quorum": "zk1:2181,zk2:2181",
        "flink_high_availability_dir": "hdfs://namenode:8020/flink/ha",
        "flink_cluster_id": "/sessions",
        "flink_extra_conf": {"heartbeat.timeout": 50000},
        "flink_restart": "rolling",
        "flink_patience_s": 600,
        "flink_end_jobs": False,
        **changed,
    }


def known() -> list[str]:
    """The variables that the defaults have."""
    lines = (ROLE / "defaults" / "main.yml").read_text().splitlines()
    return [line.partition(":")[0] for line in lines if line.startswith("flink_")]


def test_the_variables_here_are_those_of_the_role():
    assert variables().keys() == set(known())
    assert check.problems_of_host(variables(), known()) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"flink_taskmanger_slots": 4}, "there is no variable flink_taskmanger_slots"),
        ({"flink_version": 1.18}, "flink_version has to be a 1.18 release in quotes"),
        ({"flink_version": "1.19.1"}, "flink_version has to be a 1.18 release in quotes"),
        ({"flink_init": "sysv"}, "flink_init is systemd or scripts"),
        ({"flink_become": "maybe"}, "flink_become is true or false"),
        ({"flink_user": "a b"}, "flink_user is no name"),
        ({"flink_root": "/opt"}, "flink_root is /opt, which is not Flink's alone"),
        ({"flink_tmp_dir": "/tmp/"}, "flink_tmp_dir is /tmp/, which is not Flink's alone"),
        ({"flink_root": "opt/flink"}, "flink_root is an absolute path"),
        ({"flink_log_dir": "/var/log/flink'; rm"}, "flink_log_dir is an absolute path"),
        ({"flink_rocksdb_local_dir": "/data/a,b"}, "flink_rocksdb_local_dir (2) is an absolute"),
        ({"flink_advertised_address": "a_b"}, "flink_advertised_address 'a_b' is no IPv4"),
        ({"flink_rest_port": 0}, "flink_rest_port is a number from 1 to 65535"),
        ({"flink_rest_port": 6123}, "flink_rpc_port and flink_rest_port are the same"),
        ({"flink_taskmanager_memory": "1728"}, "flink_taskmanager_memory is a size"),
        ({"flink_checkpoints_dir": "/data/chk"}, "flink_checkpoints_dir is a place such as"),
        ({"flink_checkpoints_dir": ""}, "flink_rocksdb needs flink_checkpoints_dir"),
        (
            {"flink_checkpoints_dir": "file:///opt/flink/tmp/chk"},
            "flink_checkpoints_dir lies in flink_tmp_dir, which uninstall.yml removes",
        ),
        (
            {"flink_hadoop_home": ""},
            "on HDFS: needs flink_hadoop_home or flink_hadoop_classpath",
        ),
        ({"flink_core_site": "core-site.xml"}, "flink_core_site: no file core-site.xml"),
        ({"flink_zookeeper_quorum": "zk1"}, "flink_zookeeper_quorum is HOST:PORT"),
        ({"flink_zookeeper_quorum": ""}, "flink_cluster_id is of use with"),
        ({"flink_cluster_id": "/default"}, "needs a flink_cluster_id such as /sessions"),
        ({"flink_cluster_id": ""}, "needs a flink_cluster_id such as /sessions"),
        ({"flink_high_availability_dir": ""}, "needs flink_high_availability_dir"),
        ({"flink_extra_conf": "a: b"}, "flink_extra_conf is a map"),
        ({"flink_extra_conf": {"rest.port": 1}}, "rest.port: use flink_rest_port"),
        (
            {"flink_extra_conf": {"execution.checkpointing.retained": 1}},
            "the key is state.checkpoints.num-retained in 1.18",
        ),
        ({"flink_extra_conf": {"a.password": "x#y"}}, "a.password: Flink cannot read"),
        ({"flink_extra_conf": {"a.b": ""}}, "a.b: has to be one value"),
        ({"flink_extra_conf": {"jobmanager.scheduler": "Adaptive"}}, "loses state"),
        ({"flink_patience_s": "long"}, "flink_patience_s is a number"),
        ({"flink_restart": "hard"}, "flink_restart is rolling or full"),
    ],
)
def test_a_mistake_is_told(changed, told):
    problems = check.problems_of_host(variables(**changed), known())
    assert [problem for problem in problems if told in problem], problems


def test_a_secret_is_not_told():
    conf = {"security.ssl.rest.keystore-password": "hunter2\nhunter3", "no key": "hunter2"}
    problems = check.problems_of_host(variables(flink_extra_conf=conf), known())
    assert len(problems) == 2
    assert "hunter" not in str(problems)
    assert "hunter" not in str(check.shown(variables(flink_extra_conf=conf)))
    assert check.secret(conf)
    assert not check.secret({"heartbeat.timeout": 1})


@pytest.fixture
def archive(tmp_path):
    file = tmp_path / "flink.tgz"
    file.write_bytes(b"an archive")
    return file


def cluster(archive, masters: int = 1, workers: int = 2, **of_hosts: dict) -> list[str]:
    """The one list for hosts m1.. and w1..; `of_hosts` changes variables of one of them."""
    names = [f"m{each + 1}" for each in range(masters)] + [
        f"w{each + 1}" for each in range(workers)
    ]
    digest = hashlib.sha512(b"an archive").hexdigest()
    hosts = {}
    for name in names:
        changed = {"flink_advertised_address": name, "flink_archive_sha512": digest}
        given = variables(str(archive), **{**changed, **of_hosts.get(name, {})})
        problems = check.problems_of_host(given, known())
        hosts[name] = {"problems": problems, "given": check.shown(given)}
    groups = {
        "masters": [name for name in names if name[0] == "m"],
        "workers": [name for name in names if name[0] == "w"],
    }
    return check.problems_of_cluster(hosts, groups)


def test_a_right_cluster_has_no_mistake(archive):
    assert cluster(archive) == []
    assert cluster(archive, masters=3) == []


def test_the_hosts_are_looked_at_together(archive):
    wrong = {"flink_advertised_address": "w2"}
    assert cluster(archive, w1=wrong) == ["w1, w2: the same flink_advertised_address, w2"]
    wrong = {"flink_cluster_id": "/other"}
    assert cluster(archive, w1=wrong) == ["flink_cluster_id has to be the same on every host"]
    wrong = {"flink_advertised_address": "localhost"}
    assert "no other host reaches it" in cluster(archive, m1=wrong)[0]
    assert cluster(archive, workers=0) == ["the group workers has no host"]
    assert cluster(archive, masters=0) == ["the group masters has no host"]


def test_several_masters_need_zookeeper(archive):
    without = {
        "flink_zookeeper_quorum": "",
        "flink_high_availability_dir": "",
        "flink_cluster_id": "",
    }
    names = ("m1", "m2", "w1", "w2")
    [problem] = cluster(archive, masters=2, **dict.fromkeys(names, without))
    assert "several masters need flink_zookeeper_quorum" in problem


def test_a_job_of_the_default_parallelism_finds_room(archive):
    [problem] = cluster(archive, workers=1, w1={"flink_parallelism": 4})
    assert problem == "flink_parallelism is 4, but the workers have 2 slots together"


def test_another_archive_is_refused(archive):
    archive.write_bytes(b"another archive")
    [problem] = cluster(archive)
    assert "has another SHA-512 than flink_archive_sha512" in problem
    archive.unlink()
    [problem] = cluster(archive)
    assert "no file" in problem


def test_only_a_deployment_needs_the_files():
    given = variables(flink_core_site="/nowhere.xml", flink_advertised_address="m1")
    assert check.problems_of_host(given, known(), False) == []
    hosts = {"m1": {"problems": [], "given": check.shown(given)}}
    assert check.problems_of_cluster(hosts, {"masters": ["m1"], "workers": ["m1"]}, False) == []


def test_mistakes_of_all_hosts_come_in_one_list(archive):
    wrong = {"flink_init": "sysv", "flink_rest_port": 0}
    told = cluster(archive, **dict.fromkeys(("m1", "w1", "w2"), wrong))
    assert told == [
        "every host: flink_init is systemd or scripts",
        "every host: flink_rest_port is a number from 1 to 65535",
    ]
    told = cluster(archive, w1=wrong, w2={"flink_init": "sysv"})
    assert told[0] == "w1, w2: flink_init is systemd or scripts"
    assert told[1] == "w1: flink_rest_port is a number from 1 to 65535"


def test_what_a_host_has_to_reach():
    assert check.endpoints(variables()) == ["namenode:8020", "zk1:2181", "zk2:2181"]
