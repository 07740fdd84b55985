"""What a running cluster's REST API says, for the playbook that restarts it."""

from __future__ import annotations

# States that a job never leaves.
ENDED = ("FAILED", "CANCELED", "FINISHED")


def live_jobs(jobs: list) -> list:
    """The ids of the jobs of /jobs/overview that have not ended."""
    return sorted(job["jid"] for job in jobs if job["state"] not in ENDED)


def running_jobs(overview: dict) -> list:
    """The ids of the jobs that run with all their tasks."""
    return sorted(
        job["jid"]
        for job in overview["jobs"]
        if job["state"] == "RUNNING" and job["tasks"]["running"] == job["tasks"]["total"]
    )


def taskmanagers_at(answer: dict, address: str) -> list:
    """The ids of the TaskManagers of a host, by its advertised address."""
    # pekko.tcp://flink@ADDRESS:PORT/user/rpc/taskmanager_0
    return sorted(each["id"] for each in answer["taskmanagers"] if f"@{address}:" in each["path"])


def newest_checkpoint(answer: dict) -> int:
    """The highest number of a checkpoint that has begun or was restored; 0 where there is none."""
    latest = answer["latest"].values()
    ids = [each["id"] for each in (*answer["history"], *latest) if each]
    return max(ids, default=0)


def completed_checkpoint(answer: dict) -> int:
    """The number of the newest checkpoint that is complete; 0 where there is none."""
    completed = answer["latest"]["completed"]
    return completed["id"] if completed else 0


def against_restart(cluster: dict, how: str, end_jobs: object, version: str) -> list:
    """Why the cluster's processes must not be restarted."""
    running = cluster["version"]
    other = bool(running) and running != version
    if how == "rolling" and not cluster["answers"]:
        return [
            "the first master's REST API does not answer; a rolling restart begins with all well,"
            " -e flink_restart=full does not"
        ]
    if how == "rolling" and other:
        return [
            f"the cluster runs {running} and {version} is deployed, which do not work together;"
            " stop the jobs with a savepoint (scripts/job stop), then -e flink_restart=full"
        ]
    jobs = len(cluster["jobs"])
    if not jobs or str(end_jobs).lower() in ("true", "yes"):
        return []
    if cluster["masters"] and not cluster["zookeeper"]:
        return [
            f"without ZooKeeper {jobs} job(s) would end with the JobManager; stop them with a"
            " savepoint first (scripts/job stop), restart the workers alone (--limit workers), or"
            " let them end (-e flink_end_jobs=true)"
        ]
    if other:
        return [
            f"{jobs} job(s) run on {running}, and {version} need not read what is kept of them;"
            " stop them with a savepoint first (scripts/job stop), or -e flink_end_jobs=true"
        ]
    return []


class FilterModule:
    """How ansible finds them."""

    def filters(self) -> dict:
        return {
            "flink_against_restart": against_restart,
            "flink_completed_checkpoint": completed_checkpoint,
            "flink_live_jobs": live_jobs,
            "flink_newest_checkpoint": newest_checkpoint,
            "flink_running_jobs": running_jobs,
            "flink_taskmanagers_at": taskmanagers_at,
        }
