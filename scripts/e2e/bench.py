"""What the tests work on: the cluster, and pipelines of topics with a job between them."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator

from rig import ledger, prometheus, records
from rig.broker import Broker
from rig.flink.cluster import Cluster
from rig.flink.rest import ENDED
from rig.ledger import Account
from rig.processes import free_port
from rig.records import Acknowledged, Reader, Record
from rig.run import Run

# Without anything coming out for that long, a test does not wait any longer.
PATIENCE_S = 30


class Bench:
    def __init__(self, run: Run):
        self.run = run
        self.broker = Broker(run.folder, run.processes)
        self.cluster = Cluster(
            run.folder,
            run.processes,
            slots=8,
            task_manager_memory="1400m",
            checkpoint_interval="2s",
            settings=prometheus.reporter_settings(free_port()),
        )
        self._numbers = itertools.count(1)

    def start(self) -> None:
        self.broker.launch()
        self.cluster.launch(task_managers=2)
        self.broker.wait()
        self.cluster.wait()

    def metric_ports(self) -> list[int]:
        """Where the cluster's processes report their metrics."""
        return [prometheus.reporter_port(log) for log in self.cluster.logs()]

    @contextlib.contextmanager
    def pipeline(
        self,
        *options: str,
        partitions: int = 1,
        output_partitions: int | None = None,
        parallelism: int = 1,
        backlog: Iterable[Record] = (),
    ) -> Iterator[Pipeline]:
        """New topics with a running job between them; the job is cancelled afterwards.

        A backlog is on the input topic before the job runs.
        """
        pipeline = Pipeline(
            self,
            f"t{next(self._numbers)}",
            partitions,
            output_partitions or partitions,
            parallelism,
            options,
        )
        pipeline.send(backlog)
        pipeline.submit()
        try:
            yield pipeline
        finally:
            pipeline.cancel()


class Pipeline:
    """An input, an output, a dead-letter and a session topic of their own, and the job."""

    def __init__(
        self,
        bench: Bench,
        name: str,
        partitions: int,
        output_partitions: int,
        parallelism: int,
        options: tuple[str, ...],
    ):
        self.cluster = bench.cluster
        self.rest = bench.cluster.rest
        self.job_id = None
        self.sent: list[Acknowledged] = []
        self.servers = bench.broker.bootstrap_servers
        self.input, self.output, self.session_topic = (
            f"{name}-{role}" for role in ("before", "after", "sessions")
        )
        # The job makes this one itself.
        self.dead_letters = f"{self.input}.dlq"
        self._parallelism = parallelism
        # For the next submission.
        self.options = options
        records.create_topics(
            self.servers,
            {self.input: partitions, self.output: output_partitions, self.session_topic: 1},
        )

    def job_options(self) -> list[str]:
        """What the job is told on its command line."""
        return [
            *("--bootstrap-servers", self.servers),
            *("--input-topic", self.input),
            *("--output-topic", self.output),
            *("--session-topic", self.session_topic),
            *("--group-id", self.input),
            *self.options,
        ]

    def submit(self, from_savepoint: str | None = None, parallelism: int | None = None) -> None:
        self.job_id = self.cluster.submit(
            *self.job_options(),
            from_savepoint=from_savepoint,
            parallelism=parallelism or self._parallelism,
        )
        self.rest.wait_for_state(self.job_id, "RUNNING")

    def cancel(self) -> None:
        if self.rest.jobs()[self.job_id] not in ENDED:
            self.rest.cancel(self.job_id)

    def send(self, to_send: Iterable[Record], **properties: object) -> list[Acknowledged]:
        acknowledged = self.send_unaccounted(to_send, **properties)
        self.sent += acknowledged
        return acknowledged

    def send_unaccounted(
        self, to_send: Iterable[Record], **properties: object
    ) -> list[Acknowledged]:
        """Sends records that the ledger does not wait for."""
        return records.send(self.servers, self.input, to_send, **properties)

    def account(self, patience_s: float = PATIENCE_S, *, close_records: bool = False) -> Account:
        """The ledger over all that was sent so far, once it is balanced or nothing more comes.

        With close records the sessions have to be closed by now.
        """
        return ledger.keep(
            self.servers,
            input_topic=self.input,
            output_topic=self.output,
            dead_letter_topic=self.dead_letters,
            session_topic=self.session_topic if close_records else None,
            acknowledged=self.sent,
            patience_s=patience_s,
        )

    def reader_of_sessions(self) -> Reader:
        return Reader(self.servers, self.session_topic)

    def wait_for_closed(
        self, session_ids: set[str], meanwhile: Callable[[], None] = lambda: None
    ) -> list[dict]:
        """Returns when each of the sessions has its close record: all that are there by then."""
        left = set(session_ids)
        found = []
        deadline = time.monotonic() + PATIENCE_S
        with self.reader_of_sessions() as reader:
            while left and time.monotonic() < deadline:
                meanwhile()
                found += [json.loads(record.value) for record in reader.rest()]
                left -= {each["session_id"] for each in found}
        assert not left, f"no close record came for {sorted(left)}"
        return found

    def wait_for_commit(self) -> None:
        """Returns when the job's group has committed all that was sent."""
        deadline = time.monotonic() + PATIENCE_S
        while records.committed(self.servers, self.input, self.input) < len(self.sent):
            assert time.monotonic() < deadline, "the offsets are not committed"
            time.sleep(0.2)

    def assert_never_failed(self) -> None:
        assert self.rest.exceptions(self.job_id) == []
        assert self.rest.restarts(self.job_id) == 0
        assert self.rest.job(self.job_id)["state"] == "RUNNING"


def values(account: Account, sent: list[Acknowledged]) -> list[bytes]:
    """The output's value for each record sent; each must have come out."""
    return [account.out[each.origin][-1].value for each in sent]


def labels(account: Account, sent: list[Acknowledged]) -> list[dict]:
    return [json.loads(value) for value in values(account, sent)]
