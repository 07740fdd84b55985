"""What the scripts ask of Flink's REST API."""

from __future__ import annotations

import time
from pathlib import Path

import requests

# Generous: on a busy machine a submission by REST takes its time.
TIMEOUT_S = 120
# States a job never leaves.
ENDED = ("FAILED", "CANCELED", "FINISHED")


class RestError(Exception):
    """The API answered with an error; `status` is HTTP's, the text is Flink's."""

    def __init__(self, status: int, text: str):
        super().__init__(f"HTTP {status}: {text}")
        self.status = status
        self.text = text


class JobError(Exception):
    """A job is not in the state it should be in."""


class Rest:
    def __init__(self, port: int):
        self.move_to(port)
        self._session = requests.Session()
        # The cluster is on this machine; a proxy of the environment cannot reach it.
        self._session.trust_env = False

    def move_to(self, port: int) -> None:
        """Asks another JobManager from now on."""
        self.url = f"http://localhost:{port}"

    def task_managers(self) -> set[str]:
        """The TaskManagers that are registered, by their resource ids."""
        return {each["id"] for each in self._ask("GET", "/taskmanagers")["taskmanagers"]}

    def metric_of_task_manager(self, name: str, metric: str) -> int:
        [answer] = self._ask("GET", f"/taskmanagers/{name}/metrics", params={"get": metric})
        return int(answer["value"])

    def jobs(self) -> dict[str, str]:
        """State by job id."""
        return {job["id"]: job["status"] for job in self._ask("GET", "/jobs")["jobs"]}

    def job(self, job_id: str) -> dict:
        return self._ask("GET", f"/jobs/{job_id}")

    def pages_of(self, job_id: str) -> list[dict]:
        """What the web page shows of a job and of the JobManager's settings."""
        of_job = f"/jobs/{job_id}"
        pages = ("", "/config", "/plan", "/exceptions", "/checkpoints", "/checkpoints/config")
        return [self._ask("GET", of_job + page) for page in pages] + [
            {"settings": self._ask("GET", "/jobmanager/config")}
        ]

    def hosts_of(self, job_id: str) -> set[str]:
        """The hosts that the job's tasks run on, by the names of their TaskManagers."""
        pages = [f"/jobs/{job_id}/vertices/{task['id']}" for task in self.job(job_id)["vertices"]]
        tasks = [task for page in pages for task in self._ask("GET", page)["subtasks"]]
        return {task["host"].partition(":")[0] for task in tasks}

    def exceptions(self, job_id: str) -> list[dict]:
        """The failures of a job, each of which restarted or ended it."""
        return self._ask("GET", f"/jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]

    def restarts(self, job_id: str) -> int:
        answer = self._ask("GET", f"/jobs/{job_id}/metrics", params={"get": "numRestarts"})
        return int(answer[0]["value"]) if answer else 0

    def checkpoints(self, job_id: str) -> dict:
        return self._ask("GET", f"/jobs/{job_id}/checkpoints")

    def cancel(self, job_id: str) -> None:
        self._ask("PATCH", f"/jobs/{job_id}", params={"mode": "cancel"})
        self.wait_for_state(job_id, "CANCELED")

    def upload(self, jar: Path) -> str:
        """Uploads a jar; returns the id the API knows it by."""
        with jar.open("rb") as content:
            answer = self._ask(
                "POST", "/jars/upload", files={"jarfile": (jar.name, content, "application/x-java")}
            )
        return answer["filename"].rpartition("/")[2]

    def run(self, jar_id: str, **body: object) -> str:
        """Submits a job from an uploaded jar; returns its id."""
        return self._ask("POST", f"/jars/{jar_id}/run", json=body)["jobid"]

    def stop_with_savepoint(self, job_id: str, patience_s: float = 180) -> str:
        """Stops a job, and does not drain it; returns the savepoint's path."""
        savepoint = self._stop(job_id, patience_s)
        self.wait_for_state(job_id, "FINISHED")
        return savepoint

    def _stop(self, job_id: str, patience_s: float) -> str:
        """Returns the path of a canonical savepoint once it is taken; the job ends after it."""
        body = {"drain": False, "formatType": "CANONICAL"}
        answer = self._ask("POST", f"/jobs/{job_id}/stop", json=body)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            done = self._ask("GET", f"/jobs/{job_id}/savepoints/{answer['request-id']}")
            # Null until it is done.
            operation = done.get("operation") or {}
            if "location" in operation:
                return operation["location"]
            if "failure-cause" in operation:
                stack = operation["failure-cause"]["stack-trace"]
                raise JobError(f"job {job_id} took no savepoint and was not stopped:\n{stack}")
            time.sleep(0.2)
        raise JobError(f"job {job_id} took no savepoint in {patience_s:g} s; it may still do so")

    def wait_for_state(self, job_id: str, state: str, patience_s: float = 60) -> None:
        """Returns when the job and, for RUNNING, each of its tasks are in the state."""
        deadline = time.monotonic() + patience_s
        while True:
            job = self.job(job_id)
            tasks = {task["status"] for task in job["vertices"]}
            if job["state"] == state and (state != "RUNNING" or tasks == {"RUNNING"}):
                return
            if (job["state"] in ENDED and job["state"] != state) or time.monotonic() > deadline:
                failures = [entry["stacktrace"] for entry in self.exceptions(job_id)]
                raise JobError(
                    f"job {job_id} is {job['state']} (tasks {sorted(tasks)}), not {state}\n"
                    + "\n".join(failures)
                )
            time.sleep(0.2)

    def wait_for_checkpoint(self, job_id: str, patience_s: float = 60) -> dict:
        """Returns a checkpoint that began after this call and is completed."""
        before = self.checkpoints(job_id)
        newest = max((entry["id"] for entry in before["history"]), default=0)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            completed = self.checkpoints(job_id)["latest"]["completed"]
            if completed and completed["id"] > newest:
                return completed
            time.sleep(0.2)
        raise JobError(f"job {job_id} completed no checkpoint in {patience_s:g} s")

    def _ask(self, method: str, path: str, **options: object) -> dict:
        answer = self._session.request(method, self.url + path, timeout=TIMEOUT_S, **options)
        if not answer.ok:
            errors = answer.json().get("errors", [answer.text])
            raise RestError(answer.status_code, "\n".join(errors))
        return answer.json() if answer.content else {}
