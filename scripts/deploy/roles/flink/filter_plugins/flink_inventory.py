"""What is wrong with an inventory, all of it at once, before any host is asked or touched.

Runs on the control machine inside ansible, so with its Python and without anything else.
"""

from __future__ import annotations

import hashlib
import os
import re

PATH = re.compile(r"/[A-Za-z0-9._/-]+")
ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
ENDPOINT = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]*):([0-9]+)")
MEMORY = re.compile(r"[1-9][0-9]*\s*(m|mb|g|gb)", re.IGNORECASE)
LOCATION = re.compile(r"([a-z][a-z0-9+.-]*):/[^\s#]*")
CONF_KEY = re.compile(r"[A-Za-z0-9_.-]+")
LINE = re.compile(r"[^\n#]*")

# Folders that are not Flink's alone.
SHARED_FOLDERS = {
    *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/mnt", "/opt", "/proc"),
    *("/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib"),
    *("/usr/local", "/usr/share", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp"),
}

# Keys that have a variable: the playbooks rely on its value.
OF_A_VARIABLE = {
    "env.java.home": "flink_java_home",
    "env.log.dir": "flink_log_dir",
    "env.pid.dir": "flink_pid_dir",
    "env.ssh.opts": "flink_ssh_opts",
    "high-availability.cluster-id": "flink_cluster_id",
    "high-availability.storageDir": "flink_high_availability_dir",
    "high-availability.type": "flink_zookeeper_quorum",
    "high-availability.zookeeper.quorum": "flink_zookeeper_quorum",
    "io.tmp.dirs": "flink_tmp_dir",
    "jobmanager.rpc.address": "flink_advertised_address",
    "jobmanager.rpc.port": "flink_rpc_port",
    "rest.address": "flink_advertised_address",
    "rest.port": "flink_rest_port",
    "state.backend.type": "flink_rocksdb",
    "state.backend.rocksdb.localdir": "flink_rocksdb_local_dir",
    "state.checkpoints.dir": "flink_checkpoints_dir",
    "state.savepoints.dir": "flink_savepoints_dir",
    "taskmanager.host": "flink_advertised_address",
    "taskmanager.numberOfTaskSlots": "flink_taskmanager_slots",
}
# Keys of other versions, which 1.18 passes over or still takes beside the new one.
RENAMED = {
    "env.java.opts": "env.java.opts.all",
    "execution.checkpointing.retained": "state.checkpoints.num-retained",
    "execution.checkpointing.unaligned": "execution.checkpointing.unaligned.enabled",
    "high-availability": "high-availability.type",
    "state.backend": "state.backend.type",
}
# What loses state in 1.18.1.
LOSES_STATE = {
    ("jobmanager.scheduler", "adaptive"): "FLINK-34518",
    ("scheduler-mode", "reactive"): "FLINK-34518",
    ("execution.checkpointing.snapshot-compression", "true"): "FLINK-34063",
}
# Has to be the same on every host of a cluster.
OF_THE_CLUSTER = (
    "flink_version",
    "flink_archive_sha512",
    "flink_checkpoints_dir",
    "flink_savepoints_dir",
    "flink_zookeeper_quorum",
    "flink_high_availability_dir",
    "flink_cluster_id",
)


def problems_of_host(given: dict, known: list, with_files: bool = True) -> list:
    """What is wrong with one host's variables: `given` are all that begin with flink_.

    Only a deployment needs the files of the control machine.
    """
    return [
        *(f"there is no variable {name}" for name in sorted(set(given) - set(known))),
        *_of_text(given),
        *_of_numbers(given),
        *_of_folders(given),
        *(_of_files(given) if with_files else []),
        *_of_locations(given),
        *_of_high_availability(given),
        *_of_extra_conf(given["flink_extra_conf"]),
    ]


def problems_of_cluster(hosts: dict, groups: dict, with_files: bool = True) -> list:
    """The one list: what is wrong with each host's variables, and with the hosts together.

    `hosts` maps a host's name to `{"problems": [...], "given": {...}}`, with what `shown` leaves
    of its variables. Only a deployment needs the files of the control machine.
    """
    masters = [name for name in groups.get("masters", []) if name in hosts]
    workers = [name for name in groups.get("workers", []) if name in hosts]
    found = by_problem({name: each["problems"] for name, each in hosts.items()})
    for name in ("masters", "workers"):
        if not groups.get(name):
            found.append(f"the group {name} has no host")
    if with_files:
        found += _archive(hosts)
    found += _together(hosts)
    if len(masters) > 1 and not any(
        hosts[name]["given"]["flink_zookeeper_quorum"] for name in masters
    ):
        found.append("several masters need flink_zookeeper_quorum, which tells them who leads")
    found += _slots({name: hosts[name]["given"] for name in workers}, groups)
    return found


def by_problem(hosts: dict) -> list:
    """Each problem once, with the hosts that have it."""
    which: dict = {}
    for name, problems in hosts.items():
        for problem in problems:
            which.setdefault(problem, []).append(name)
    return [
        f"{'every host' if len(names) == len(hosts) else ', '.join(names)}: {problem}"
        for problem, names in which.items()
    ]


def shown(given: dict) -> dict:
    """The variables without those that may hold a secret."""
    return {name: value for name, value in given.items() if name != "flink_extra_conf"}


def endpoints(given: dict) -> list:
    """HOST:PORT of what a host has to reach: ZooKeeper, and NameNodes whose port is named."""
    found = [each.strip() for each in str(given["flink_zookeeper_quorum"]).split(",")]
    for name in ("flink_checkpoints_dir", "flink_savepoints_dir", "flink_high_availability_dir"):
        place = re.match(r"hdfs://([^/]+:[0-9]+)(/|$)", str(given[name]))
        found.append(place.group(1) if place else "")
    return sorted({each for each in found if ENDPOINT.fullmatch(each)})


def secret(conf: dict) -> bool:
    """Whether a key is one whose value Flink itself does not show."""
    marks = "password secret fs.azure.account.key apikey auth-params service-key token basic-auth"
    marks += " jaas.config http-headers"
    return any(mark in str(key).lower() for key in conf for mark in marks.split())


def _of_text(given: dict) -> list:
    found = []
    if not re.fullmatch(r"1\.18\.[0-9]+", str(given["flink_version"])):
        found.append('flink_version has to be a 1.18 release in quotes, such as "1.18.1"')
    if given["flink_init"] not in ("systemd", "scripts"):
        found.append("flink_init is systemd or scripts")
    if given["flink_restart"] not in ("rolling", "full"):
        found.append("flink_restart is rolling or full")
    for name in ("flink_become", "flink_rocksdb", "flink_end_jobs"):
        if str(given[name]).lower() not in ("true", "false", "yes", "no"):
            found.append(f"{name} is true or false")
    for name in ("flink_user", "flink_group"):
        if not re.fullmatch(r"[a-z_][a-z0-9_-]*", str(given[name])):
            found.append(f"{name} is no name of a user or group")
    address = str(given["flink_advertised_address"])
    if not ADDRESS.fullmatch(address):
        found.append(f"flink_advertised_address {address!r} is no IPv4 address or host name")
    for name in ("flink_jobmanager_memory", "flink_taskmanager_memory"):
        if not MEMORY.fullmatch(str(given[name])):
            found.append(f"{name} is a size such as 1600m or 4g")
    if not LINE.fullmatch(str(given["flink_ssh_opts"])):
        found.append("flink_ssh_opts is one line without #")
    if not re.fullmatch(r"[^\s'#]*", str(given["flink_hadoop_classpath"])):
        found.append("flink_hadoop_classpath has a space, a quote or a #")
    return found


def _of_numbers(given: dict) -> list:
    found = []
    for name, least, most in (
        ("flink_rpc_port", 1, 65535),
        ("flink_rest_port", 1, 65535),
        ("flink_taskmanager_slots", 1, 1024),
        ("flink_parallelism", 1, 32768),
        ("flink_patience_s", 1, 86400),
    ):
        if not least <= _number(given[name]) <= most:
            found.append(f"{name} is a number from {least} to {most}")
    if str(given["flink_rpc_port"]) == str(given["flink_rest_port"]):
        found.append("flink_rpc_port and flink_rest_port are the same")
    return found


def _of_folders(given: dict) -> list:
    found = []
    own = {
        name: str(given[name])
        for name in ("flink_root", "flink_log_dir", "flink_pid_dir", "flink_tmp_dir")
    }
    for number, part in enumerate(rocksdb_dirs(given)):
        own[f"flink_rocksdb_local_dir ({number + 1})"] = part
    for name, path in own.items():
        if not PATH.fullmatch(path) or ".." in path:
            found.append(f"{name} is an absolute path of letters, digits and . _ - /")
        elif os.path.normpath(path) in SHARED_FOLDERS:
            found.append(f"{name} is {path}, which is not Flink's alone; take a folder below it")
    for name in ("flink_java_home", "flink_hadoop_home", "flink_hadoop_conf_dir"):
        if given[name] and not PATH.fullmatch(str(given[name])):
            found.append(f"{name} is an absolute path of letters, digits and . _ - /")
    # uninstall.yml removes them, and Flink empties its own.
    perishable = {name: path for name, path in own.items() if name != "flink_root"}
    perishable["flink_root's flink-VERSION"] = f"{own['flink_root']}/flink-{given['flink_version']}"
    for name in ("flink_checkpoints_dir", "flink_savepoints_dir", "flink_high_availability_dir"):
        place = re.sub(r"^file:/+", "/", str(given[name]))
        for folder, path in perishable.items():
            if place.startswith("/") and _within(place, path):
                found.append(f"{name} lies in {folder}, which uninstall.yml removes")
    return found


def _of_files(given: dict) -> list:
    found = []
    for name in ("flink_core_site", "flink_hdfs_site"):
        file = str(given[name])
        if file and not (os.path.isabs(file) and os.path.isfile(file)):  # noqa: PTH117, PTH113
            found.append(f"{name}: no file {file} on the control machine (an absolute path)")
        if file and not given["flink_hadoop_conf_dir"]:
            found.append(f"{name} needs flink_hadoop_conf_dir or flink_hadoop_home")
    return found


def _of_locations(given: dict) -> list:
    found = []
    hdfs = []
    for name in ("flink_checkpoints_dir", "flink_savepoints_dir", "flink_high_availability_dir"):
        place = str(given[name])
        if place and not LOCATION.fullmatch(place):
            found.append(
                f"{name} is a place such as hdfs://namenode:8020/flink or file:///mnt/flink"
            )
        if place.startswith("hdfs:"):
            hdfs.append(name)
    if hdfs and not (given["flink_hadoop_home"] or given["flink_hadoop_classpath"]):
        found.append(
            f"{' and '.join(hdfs)} on HDFS: needs flink_hadoop_home or flink_hadoop_classpath"
        )
    if _true(given["flink_rocksdb"]) and not given["flink_checkpoints_dir"]:
        found.append("flink_rocksdb needs flink_checkpoints_dir, a folder that all hosts share")
    return found


def _of_high_availability(given: dict) -> list:
    found = []
    quorum = str(given["flink_zookeeper_quorum"])
    if not quorum:
        for name in ("flink_high_availability_dir", "flink_cluster_id"):
            if given[name]:
                found.append(f"{name} is of use with flink_zookeeper_quorum only")
        return found
    if not all(ENDPOINT.fullmatch(each.strip()) for each in quorum.split(",")):
        found.append("flink_zookeeper_quorum is HOST:PORT, several with commas")
    if not given["flink_high_availability_dir"]:
        found.append(
            "flink_zookeeper_quorum needs flink_high_availability_dir, a folder all hosts share"
        )
    cluster = str(given["flink_cluster_id"])
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", cluster) or cluster == "/default":
        found.append(
            "flink_zookeeper_quorum needs a flink_cluster_id such as /sessions, and not /default:"
            " two clusters of one name destroy each other"
        )
    return found


def _of_extra_conf(conf: object) -> list:
    if not isinstance(conf, dict):
        return ["flink_extra_conf is a map of keys of flink-conf.yaml"]
    found = []
    for key, value in conf.items():
        where = f"flink_extra_conf: {key}"
        # Never the value: it may be a secret.
        if not CONF_KEY.fullmatch(str(key)):
            found.append(f"{where!r} is no key of flink-conf.yaml")
        elif key in RENAMED:
            found.append(f"{where}: the key is {RENAMED[key]} in 1.18")
        elif key in OF_A_VARIABLE:
            found.append(f"{where}: use {OF_A_VARIABLE[key]}")
        elif isinstance(value, (dict, list)) or value is None or not str(value).strip():
            found.append(f"{where}: has to be one value, which is not empty")
        elif not LINE.fullmatch(str(value)):
            found.append(f"{where}: Flink cannot read a value of several lines or with a #")
        elif (key, str(value).lower()) in LOSES_STATE:
            issue = LOSES_STATE[key, str(value).lower()]
            found.append(f"{where}: loses state in Flink 1.18.1 ({issue})")
    return found


def _archive(hosts: dict) -> list:
    """Whether the archive on the control machine is the one that is meant."""
    found = []
    archives = {
        (str(each["given"]["flink_archive"]), str(each["given"]["flink_archive_sha512"]).lower())
        for each in hosts.values()
    }
    for archive, expected in sorted(archives):
        if not re.fullmatch(r"[0-9a-f]{128}", expected):
            found.append("flink_archive_sha512 has to be the archive's SHA-512, 128 digits")
        if not (os.path.isabs(archive) and os.path.isfile(archive)):  # noqa: PTH117, PTH113
            found.append(
                f"flink_archive: no file {archive!r} on the control machine (an absolute path)"
            )
        elif len(expected) == 128 and _sha512(archive) != expected:
            found.append(f"flink_archive: {archive} has another SHA-512 than flink_archive_sha512")
    return found


def _together(hosts: dict) -> list:
    found = []
    for name in OF_THE_CLUSTER:
        if len({str(each["given"][name]) for each in hosts.values()}) > 1:
            found.append(f"{name} has to be the same on every host")
    by_address: dict = {}
    for host, each in hosts.items():
        by_address.setdefault(str(each["given"]["flink_advertised_address"]), []).append(host)
    for address, names in by_address.items():
        if len(names) > 1:
            found.append(f"{', '.join(names)}: the same flink_advertised_address, {address}")
        elif len(hosts) > 1 and address in ("localhost", "127.0.0.1"):
            found.append(
                f"{names[0]}: flink_advertised_address {address}: no other host reaches it"
            )
    return found


def _slots(workers: dict, groups: dict) -> list:
    """Whether a job of the default parallelism finds room; not asked of a part of the workers."""
    if not workers or len(workers) < len(groups.get("workers", [])):
        return []
    slots = sum(max(_number(each["flink_taskmanager_slots"]), 0) for each in workers.values())
    parallelism = max(_number(each["flink_parallelism"]) for each in workers.values())
    if slots < parallelism:
        return [f"flink_parallelism is {parallelism}, but the workers have {slots} slots together"]
    return []


def rocksdb_dirs(given: dict) -> list:
    """The folders of flink_rocksdb_local_dir, where RocksDB is used."""
    if not _true(given["flink_rocksdb"]):
        return []
    return [each.strip() for each in str(given["flink_rocksdb_local_dir"]).split(",")]


def _within(path: str, folder: str) -> bool:
    return (os.path.normpath(path) + "/").startswith(os.path.normpath(folder) + "/")


def _true(value: object) -> bool:
    return str(value).lower() in ("true", "yes")


def _number(value: object) -> int:
    return int(str(value)) if re.fullmatch(r"[0-9]{1,6}", str(value)) else -1


def _sha512(file: str) -> str:
    digest = hashlib.sha512()
    with open(file, "rb") as content:  # noqa: PTH123
        for piece in iter(lambda: content.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


class FilterModule:
    """How ansible finds them."""

    def filters(self) -> dict:
        return {
            "flink_problems_of_host": problems_of_host,
            "flink_problems_of_cluster": problems_of_cluster,
            "flink_by_problem": by_problem,
            "flink_shown": shown,
            "flink_endpoints": endpoints,
            "flink_rocksdb_dirs": rocksdb_dirs,
            "flink_secret": secret,
        }
