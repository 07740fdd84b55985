"""A Prometheus of one process, that scrapes what the run's Flink processes report."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import requests

from rig import cache, layout
from rig.processes import ProcessError, Processes, environment, free_port

MONITORING = layout.PROJECT / "scripts" / "monitoring"
ALERTS = MONITORING / "alerts.yml"
ALERT_CASES = MONITORING / "alerts-test.yml"
BOARD = MONITORING / "board.json"

NAME = "prometheus"
START_PATIENCE_S = 30
# What a user sets too, to have Flink's metrics at all; Flink's distribution brings the plugin.
FLINK_REPORTER = "metrics.reporter.prom.factory.class"
FLINK_REPORTER_CLASS = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"
FLINK_REPORTER_PORT = "metrics.reporter.prom.port"
# JobManagers and TaskManagers of one machine share a range; each takes the next free port of it,
# and its log tells which.
PORTS_OF_A_RANGE = 20
STARTED = re.compile(r"Started PrometheusReporter HTTP server on port (\d+)")

SETTINGS = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 5s
rule_files: [{rules}]
scrape_configs:
  - job_name: flink
    file_sd_configs:
      - files: [{targets}]
        refresh_interval: 1s
"""


class MissingError(Exception):
    """There is no Prometheus here, and none can be had."""


class Sample(NamedTuple):
    labels: dict[str, str]
    value: float


def reporter_settings(first_port: int) -> dict[str, str]:
    """Flink's settings that let Prometheus scrape it."""
    return {
        FLINK_REPORTER: FLINK_REPORTER_CLASS,
        FLINK_REPORTER_PORT: f"{first_port}-{first_port + PORTS_OF_A_RANGE - 1}",
    }


def reporter_port(log: Path) -> int:
    """Where the Flink process with this log is to be scraped."""
    return int(STARTED.findall(log.read_text(errors="replace"))[-1])


def tool(name: str) -> Path:
    """The program `prometheus` or `promtool`: from PATH, else from Debian's package.

    The package is unpacked into the cache, which needs no root and starts no service; apt holds its
    checksum against the signed index.
    """
    found = shutil.which(name)
    if found:
        return Path(found)
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise MissingError(
            f"{name} is not on PATH, and this is no Debian or Ubuntu to fetch it from "
            "(https://prometheus.io/download)"
        )
    return cache.provide("prometheus", _fetch) / "usr" / "bin" / name


def _fetch(folder: Path) -> None:
    done = subprocess.run(
        ["apt-get", "download", "--quiet", NAME], cwd=folder, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise MissingError(
            f"apt-get download {NAME}: {done.stderr.strip()}\n"
            "It needs the lists of `apt-get update`, which is root's to run."
        )
    [package] = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    package.unlink()


class Prometheus:
    def __init__(self, folder: Path, processes: Processes, rules: Path = ALERTS):
        self._folder = folder / NAME
        self._processes = processes
        self._rules = rules
        self._targets = self._folder / "targets.json"
        self._process = None
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._session = requests.Session()
        self._session.trust_env = False

    def launch(self) -> None:
        """Starts it; `scrape` says what, `wait` waits for it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = self._folder / "prometheus.yml"
        settings.write_text(SETTINGS.format(rules=self._rules, targets=self._targets))
        self._targets.write_text("[]")
        self._process = self._processes.start(
            NAME,
            [
                tool(NAME),
                f"--config.file={settings}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=localhost:{self.port}",
            ],
            environment(),
            self._folder,
        )

    def wait(self) -> None:
        """Returns when it answers."""
        self._processes.wait_until(self._process, self._ready, START_PATIENCE_S)

    def _ready(self) -> bool:
        try:
            return self._session.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False

    def scrape(self, ports: list[int]) -> None:
        """From now on these ports of this machine are scraped, and no others."""
        partial = self._targets.with_suffix(".partial")
        targets = ", ".join(f'"localhost:{port}"' for port in ports)
        partial.write_text(f'[{{"targets": [{targets}]}}]')
        partial.replace(self._targets)

    def query(self, expression: str) -> list[Sample]:
        """What an expression gives now; a scalar has no labels."""
        answer = self._session.get(
            f"{self.url}/api/v1/query", params={"query": expression}, timeout=30
        ).json()
        if answer["status"] != "success":
            raise ProcessError(f"Prometheus refused {expression}: {answer['error']}")
        found = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return [Sample({}, float(found[1]))]
        return [Sample(each["metric"], float(each["value"][1])) for each in found]

    def rules(self) -> list[dict]:
        """The alerts as they were evaluated last, with their health."""
        answer = self._session.get(f"{self.url}/api/v1/rules", timeout=30).json()
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]

    def stop(self) -> None:
        self._processes.stop([self._process])

    def value(self, expression: str) -> float:
        """The one value of an expression; 0 where there is no series yet."""
        samples = self.query(expression)
        return samples[0].value if samples else 0.0

    def names(self) -> set[str]:
        """All metrics that were ever scraped."""
        answer = self._session.get(f"{self.url}/api/v1/label/__name__/values", timeout=30).json()
        return set(answer["data"])
