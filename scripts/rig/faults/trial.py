"""One fault done to one job: its topics, its load, what happened when, how soon it was well."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rig import layout, ledger, load, records
from rig.faults.stage import Stage
from rig.flink import checkpoints
from rig.flink.rest import ENDED, Rest
from rig.history import History
from rig.ledger import Account, Promise
from rig.records import Acknowledged, Reader, Record

PARTITIONS = 6
PARALLELISM = 2
# Nothing more is waited for when nothing came for that long.
PATIENCE_S = 120
RUNNING_PATIENCE_S = 300

_numbers = itertools.count(1)


class Trial:
    """What a fault works with. A trial is over when its load is in and its ledger is kept."""

    def __init__(self, stage: Stage, name: str, delivery: str, count: int, history: History):
        self.stage = stage
        self.cluster = stage.cluster
        self.broker = stage.broker
        self.delivery = delivery
        # How many records the fault has to have, at least.
        self.count = count
        self.seed = 7
        self.history = history
        self.promise = Promise(exactly_once=delivery == "exactly-once")
        self.sent: list[Acknowledged] = []
        self.jar = layout.JAR
        self.job_id = ""
        # Which sentence of the job's says what went wrong, and how many records it says are lost.
        self.reported: int | None = None
        self.notes: list[str] = []
        self.name_topics(f"f{next(_numbers)}-{name}")
        self._watcher: _Watcher | None = None
        self._log_sizes = {log: log.stat().st_size for log in self._logs()}

    @property
    def rest(self) -> Rest:
        return self.cluster.rest

    @property
    def exactly_once(self) -> bool:
        return self.promise.exactly_once

    @property
    def recovery_s(self) -> float | None:
        return self._watcher.recovery_s() if self._watcher else None

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.history.note(event="note", text=text)

    # ---- The job ----

    def name_topics(self, prefix: str) -> None:
        self.input, self.output, self.session_topic = (
            f"{prefix}-{role}" for role in ("before", "after", "sessions")
        )
        self.dead_letters = f"{self.input}.dlq"
        self.group = self.input

    def make_topics(
        self, partitions: int = PARTITIONS, output_config: dict[str, str] | None = None
    ) -> None:
        servers = self.broker.bootstrap_servers
        records.create_topics(servers, {self.input: partitions, self.session_topic: 1})
        records.create_topics(servers, {self.output: partitions}, output_config)

    def submit(
        self,
        *options: str,
        from_savepoint: str | None = None,
        parallelism: int = PARALLELISM,
        interval: str = "5s",
        idle_timeout: str = "10m",
        settings: dict[str, str] | None = None,
    ) -> None:
        """Submits the job and waits until it runs.

        The load's event time runs a thousand times as fast as the clock, so a partition counts as
        silent after ten minutes only: else what an outage takes would make events late.
        """
        arguments = [
            *("--bootstrap-servers", self.stage.job_servers),
            *("--input-topic", self.input),
            *("--output-topic", self.output),
            *("--session-topic", self.session_topic),
            *("--group-id", self.group),
            *("--delivery", self.delivery),
            *("--checkpoint-interval", interval),
            *("--idle-timeout", idle_timeout),
            *options,
        ]
        self.history.note(event="submit", arguments=arguments, from_savepoint=from_savepoint)
        self.job_id = self.stage.submit(
            self.jar,
            programArgsList=arguments,
            parallelism=parallelism,
            flinkConfiguration=settings or {},
            **({"savepointPath": from_savepoint} if from_savepoint else {}),
        )
        self.wait_until_running()
        if self._watcher is None:
            self._watcher = _Watcher(self)
            self._watcher.start()

    def begin(self, *options: str, **submission: object) -> None:
        """Topics and a running job."""
        self.make_topics()
        self.submit(*options, **submission)

    def wait_until_running(self) -> None:
        self.rest.wait_for_state(self.job_id, "RUNNING", RUNNING_PATIENCE_S)

    def wait_for_checkpoint(self) -> dict:
        return self.rest.wait_for_checkpoint(self.job_id, RUNNING_PATIENCE_S)

    def wait_for_failure(self, text: str, patience_s: float = 120) -> str:
        """Returns the first failure of the job in which the text stands."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            for failure in self.rest.exceptions(self.job_id):
                if re.search(text, failure["stacktrace"]):
                    return failure["stacktrace"]
            time.sleep(0.5)
        raise AssertionError(f"the job did not fail with {text!r} within {patience_s:g} s")

    def checkpoint_folders(self) -> list[Path]:
        """The job's completed checkpoints that are still there, the oldest first."""
        return checkpoints.completed(self.stage.run.folder / "checkpoints" / self.job_id)

    def restarts(self) -> int:
        """How often the job failed and started again; a standby has no metrics to tell it."""
        return len(self.rest.exceptions(self.job_id))

    def cancel(self) -> None:
        if self.job_id and self.rest.jobs().get(self.job_id, "CANCELED") not in ENDED:
            self.rest.cancel(self.job_id)

    # ---- The load ----

    def expected(self, **shape: object) -> list[load.Expected]:
        """The trial's load: skewed users, disorder, bad records; the same for the same seed."""
        return load.generated(self.count, self.seed, **{"skew": 2, **shape})

    def generated(self, **shape: object) -> list[Record]:
        return [each.record for each in self.expected(**shape)]

    @contextlib.contextmanager
    def under_load(
        self, seconds: float, to_send: list[Record] | None = None, **properties: object
    ) -> Iterator[None]:
        """Sends the load evenly over that time while the block does its fault."""
        to_send = self.generated() if to_send is None else to_send
        sender = _Sender(self, _paced(to_send, seconds), properties)
        self.history.note(event="load begins", records=len(to_send), seconds=seconds)
        sender.start()
        try:
            yield
        finally:
            sender.join()
            # Also where the fault went wrong: the ledger is kept all the same.
            self.sent += sender.result()
            self.history.note(event="load ended")

    def send(self, to_send: Iterable[Record], **properties: object) -> list[Acknowledged]:
        sent = records.send(self.broker.bootstrap_servers, self.input, to_send, **properties)
        self.sent += sent
        return sent

    # ---- The fault ----

    def strike(self, what: str) -> None:
        """Notes that something was broken."""
        self.history.note(event="fault", what=what)

    def lift(self, what: str) -> None:
        """Notes that it is whole again; the time to recover is counted from here."""
        self.history.note(event="lifted", what=what)
        self._watcher.watch_from(time.time())

    def said(self, pattern: str) -> int | None:
        """The sum of the numbers that stand for the pattern's group in what the job said.

        None where it said nothing of the kind; what was said twice in the same words counts once.
        Looked at are the logs of all processes since the trial began.
        """
        found = {each[0]: each[1] for each in re.finditer(pattern, self._log_text())}
        return sum(int(each.replace(",", "")) for each in found.values()) if found else None

    def _log_text(self) -> str:
        texts = []
        for log in self._logs():
            with log.open(errors="replace") as content:
                content.seek(self._log_sizes.get(log, 0))
                texts.append(content.read())
        return "\n".join(texts)

    def _logs(self) -> list[Path]:
        return sorted((self.stage.run.folder / "logs").glob("flink-*manager*.out"))

    def sessions_closed(self, expected: int) -> int:
        """How many sessions have their close record, once it is as many or nothing more comes."""
        closed: set[str] = set()
        last = time.monotonic()
        with Reader(self.broker.bootstrap_servers, self.session_topic) as reader:
            while len(closed) < expected and time.monotonic() - last < PATIENCE_S:
                before = len(closed)
                closed |= {json.loads(each.value)["session_id"] for each in reader.rest()}
                if len(closed) > before:
                    last = time.monotonic()
                time.sleep(0.2)
        return len(closed)

    def account(self, patience_s: float = PATIENCE_S) -> Account:
        """The ledger over all that was sent so far."""
        account = ledger.keep(
            self.broker.bootstrap_servers,
            input_topic=self.input,
            output_topic=self.output,
            dead_letter_topic=self.dead_letters,
            session_topic=self.session_topic,
            acknowledged=self.sent,
            promise=self.promise,
            patience_s=patience_s,
        )
        self.history.note(**ledger.verdict(account))
        return account

    def end(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        self.cancel()


def _paced(to_send: list[Record], seconds: float) -> Iterator[Record]:
    began = time.monotonic()
    for index, record in enumerate(to_send):
        if index % 100 == 0:
            ahead = began + seconds * index / len(to_send) - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        yield record


class _Sender(threading.Thread):
    """Sends records on a thread of its own."""

    def __init__(self, trial: Trial, to_send: Iterable[Record], properties: dict):
        super().__init__(name="load", daemon=True)
        self._send: Callable[[], list[Acknowledged]] = lambda: records.send(
            trial.broker.bootstrap_servers, trial.input, to_send, patient=True, **properties
        )
        self._sent: list[Acknowledged] = []
        self._failure: Exception | None = None

    def run(self) -> None:
        try:
            self._sent = self._send()
        except Exception as failure:
            self._failure = failure

    def result(self) -> list[Acknowledged]:
        if self._failure is not None:
            raise self._failure
        return self._sent


class _Watcher(threading.Thread):
    """Tells when outputs came of records that were sent after the fault was over.

    An output carries the Kafka timestamp of its input and names its partition, so that the output
    alone tells it. One is not enough: tasks that the fault spared may write for some seconds more
    before all are started anew.
    """

    def __init__(self, trial: Trial):
        super().__init__(name="watcher", daemon=True)
        self._trial = trial
        self._from_s: float | None = None
        # When the first such output of each partition of the input came.
        self._first_s: dict[int, float] = {}
        self._over = threading.Event()

    def watch_from(self, at_s: float) -> None:
        self._from_s, self._first_s = at_s, {}

    def recovery_s(self) -> float | None:
        """From the end of the fault until every partition gave output again."""
        first_s = self._first_s.values()
        return max(first_s) - self._from_s if first_s else None

    def stop(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        with Reader(
            self._trial.broker.bootstrap_servers, self._trial.output, patient=True
        ) as reader:
            while not self._over.is_set():
                for output in reader.rest():
                    if self._from_s is None or output.timestamp_ms < self._from_s * 1000:
                        continue
                    origin = ledger.origin_of_output(output)
                    self._first_s.setdefault(origin.partition, time.time())
                self._over.wait(0.2)
