"""A cluster as an operator has it: Flink's command line with its settings, and the REST API."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import requests

from rig import layout, parts
from rig.flink import client
from rig.flink.rest import ENDED, JobError, Rest
from rig.operations.submissions import Submission

DEFAULT_PORT = "8081"
POLL_S = 0.5


class SiteError(Exception):
    """The cluster cannot be used as it is; the text says why."""


class SiteRest(Rest):
    """The API of a cluster that may be on other machines."""

    def __init__(self, url: str):
        super().__init__(0)
        self.url = url

    def all(self) -> list[dict]:
        """The jobs, the youngest first; ended ones too, as long as Flink knows them."""
        jobs = self._ask("GET", "/jobs/overview")["jobs"]
        return sorted(jobs, key=lambda job: job["start-time"], reverse=True)

    def named(self, name: str) -> list[dict]:
        return [job for job in self.all() if job["name"] == name]

    def stop_with_savepoint(self, job_id: str, patience_s: float) -> str:
        """Stops the job; a savepoint that was taken counts, however the job ended after it."""
        savepoint = self._stop(job_id, patience_s)
        self.wait_until_ended(job_id, patience_s)
        return savepoint

    def wait_until_ended(self, job_id: str, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while self.job(job_id)["state"] not in ENDED:
            if time.monotonic() > deadline:
                raise JobError(f"job {job_id} did not end in {patience_s:g} s")
            time.sleep(POLL_S)

    def metrics(self, job_id: str, task_id: str, *suffixes: str) -> dict[str, list[float]]:
        """Values over a task's subtasks and operators, by the end of the metric's name."""
        path = f"/jobs/{job_id}/vertices/{task_id}/metrics"
        ids = [each["id"] for each in self._ask("GET", path)]
        found: dict[str, list[float]] = {suffix: [] for suffix in suffixes}
        wanted = [name for name in ids if name.endswith(suffixes)]
        # Asked for in pieces: a URL has a limit.
        for start in range(0, len(wanted), 40):
            names = ",".join(wanted[start : start + 40])
            for each in self._ask("GET", path, params={"get": names}):
                for suffix in suffixes:
                    if each["id"].endswith(suffix):
                        found[suffix].append(float(each["value"]))
        return found


class Site:
    """`home` and `conf` are Flink's folders on this machine, as its own scripts take them."""

    def __init__(self, url: str | None):
        self.home = parts.flink_home()
        self.conf = Path(os.environ.get("FLINK_CONF_DIR", self.home / "conf"))
        settings = flink_settings(self.conf / "flink-conf.yaml")
        self.checkpoints = settings.get("state.checkpoints.dir")
        address = settings.get("rest.address", settings.get("jobmanager.rpc.address", "localhost"))
        self.url = (url or f"http://{address}:{settings.get('rest.port', DEFAULT_PORT)}").rstrip(
            "/"
        )
        if "://" not in self.url:
            self.url = f"http://{self.url}"
        self._named = url is not None
        self.rest = SiteRest(self.url)

    def check(self) -> None:
        try:
            self.rest.jobs()
        except requests.RequestException as error:
            raise SiteError(
                f"no JobManager answers at {self.url} ({error.__class__.__name__}); name its REST"
                " address with --jobmanager, or the client's configuration with FLINK_CONF_DIR"
            ) from None

    def command(self, submission: Submission, state: str | None) -> list[str]:
        """`flink run` of a submission, as it can be typed."""
        words = [str(self.home / "bin" / "flink"), "run", "--detached"]
        if self._named:
            words += ["--jobmanager", self.url.partition("://")[2]]
        if submission.parallelism:
            words += ["--parallelism", str(submission.parallelism)]
        if state:
            words += ["--fromSavepoint", state]
        return [*words, "--class", layout.JOB_CLASS, submission.jar, *submission.arguments]

    def submit(self, submission: Submission, state: str | None) -> str:
        """Submits; returns the job's id."""
        done = self._run(self.command(submission, state))
        job_id = client.submitted(done)
        if job_id is None:
            raise SiteError(client.told(done))
        return job_id

    def try_out(self, submission: Submission) -> None:
        """Builds the job's graph as a submission does, without submitting it."""
        done = self._run([*self.command(submission, None), "--dry-run"])
        if done.returncode != 0:
            raise SiteError(f"the jar refuses its options:\n{done.stdout}{done.stderr}".rstrip())

    def _run(self, command: list[str]) -> subprocess.CompletedProcess:
        env = {**os.environ, "FLINK_CONF_DIR": str(self.conf)}
        return subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )


def flink_settings(file: Path) -> dict[str, str]:
    """A flink-conf.yaml of Flink 1.18: one `key: value` a line, no YAML beyond that."""
    settings = {}
    for line in file.read_text().splitlines() if file.is_file() else []:
        key, found, value = line.partition("#")[0].partition(": ")
        if found:
            settings[key.strip()] = value.strip()
    return settings
