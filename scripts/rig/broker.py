"""A Kafka broker of one process (KRaft), with its data in the run folder."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from rig import checks, layout, parts
from rig.processes import Processes, environment, free_port, run_to_end
from rig.security import Security

NAME = "kafka-broker"
START_PATIENCE_S = 180

# One broker, so one replica of everything; the rest are the broker's defaults, its retention and
# limits among them, as the user's broker has them too.
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://localhost:{controller_port}{more}
advertised.listeners=PLAINTEXT://{host}:{port}{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT,\
SECURE:SASL_SSL
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
# A quota holds from the first second on: by default there is a burst of ten seconds' worth.
quota.window.num=2
"""


class Broker:
    """The broker's process.

    With a `proxy_port` it has a second listener at `proxied_port`, and tells those who come by it
    that the broker is at `proxy_port`: there a proxy of the caller's has to stand between.
    With `security` it has one at `secure_servers` that asks for a name and a password, by TLS, and
    gives rights to that user alone; who comes by the plain one may do all.
    `host` is a name of this machine, by which those on other hosts reach the broker.
    """

    def __init__(
        self,
        folder: Path,
        processes: Processes,
        port: int | None = None,
        proxy_port: int | None = None,
        security: Security | None = None,
        host: str = "localhost",
    ):
        self._folder = folder / "kafka"
        self._tmp = folder / "tmp"
        self._processes = processes
        self._settings = self._folder / "server.properties"
        self.port = port or free_port()
        self._host = host
        self.bootstrap_servers = f"{host}:{self.port}"
        self._process = None
        self._proxy_port = proxy_port
        self.proxied_port = free_port() if proxy_port else None
        self._security = security
        self.secure_servers = f"localhost:{free_port()}" if security else None

    def launch(self) -> None:
        """Starts the broker, on its old data where there is some; `wait` waits for it."""
        if not self._settings.exists():
            self._format()
        self._process = self._processes.start(
            NAME, self._java("kafka.Kafka", self._settings), environment(), self._folder
        )

    def find(self) -> None:
        """Takes the place of the script that started the run's broker."""
        [self._process] = self._processes.alive_of(NAME)

    def wait(self) -> None:
        """Returns when the broker answers."""
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})

        def answers() -> bool:
            try:
                client.list_topics(timeout=1)
            except KafkaException:
                return False
            return True

        self._processes.wait_until(self._process, answers, START_PATIENCE_S)

    def stop(self) -> None:
        self._processes.stop([self._process])

    def kill(self) -> None:
        """Ends the broker as a crash would (SIGKILL)."""
        self._processes.kill([self._process])

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The broker is there and answers nobody for the time of the block."""
        self._processes.pause(self._process)
        try:
            yield
        finally:
            self._processes.resume(self._process)

    def producer_limited(self, client_id: str, bytes_per_s: int) -> AbstractContextManager[None]:
        """The producers of that client id get no more through, for the time of the block."""
        return self._limited(client_id, "producer_byte_rate", bytes_per_s)

    def consumer_limited(self, client_id: str, bytes_per_s: int) -> AbstractContextManager[None]:
        """The consumers of that client id get no more, for the time of the block."""
        return self._limited(client_id, "consumer_byte_rate", bytes_per_s)

    @contextlib.contextmanager
    def _limited(self, client_id: str, quota: str, bytes_per_s: int) -> Iterator[None]:
        self._configure_client(client_id, "--add-config", f"{quota}={bytes_per_s}")
        try:
            yield
        finally:
            self._configure_client(client_id, "--delete-config", quota)

    def _configure_client(self, client_id: str, *change: str) -> None:
        self._tool(
            *("kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap_servers),
            *("--alter", "--entity-type", "clients", "--entity-name", client_id),
            *change,
        )

    def _format(self) -> None:
        self._folder.mkdir(parents=True)
        self._tmp.mkdir(exist_ok=True)
        more, advertised, secure = "", "", ""
        credentials = []
        if self._proxy_port:
            more += f",PROXIED://localhost:{self.proxied_port}"
            advertised += f",PROXIED://localhost:{self._proxy_port}"
        if self._security:
            more += f",SECURE://{self.secure_servers}"
            advertised += f",SECURE://{self.secure_servers}"
            secure = self._security.broker_settings("SECURE")
            credentials = ["--add-scram", self._security.credentials]
        self._settings.write_text(
            SETTINGS.format(
                host=self._host,
                port=self.port,
                controller_port=free_port(),
                more=more,
                advertised=advertised,
                data=self._folder / "data",
            )
            + secure
        )
        cluster_id = "flink-session-" + uuid.uuid4().hex[:8]
        self._tool(
            *("kafka.tools.StorageTool", "format"),
            *("--cluster-id", cluster_id, "--config", self._settings),
            *credentials,
        )

    def _tool(self, main: str, *arguments: object) -> None:
        """Runs one of Kafka's own tools to its end."""
        run_to_end(self._java(main, *arguments), main, self._folder)

    def _java(self, main: str, *arguments: object) -> list:
        return [
            checks.java(),
            "-Xmx512m",
            f"-Djava.io.tmpdir={self._tmp}",
            f"-Dlog4j.configuration=file:{layout.RIG / 'kafka' / 'log4j.properties'}",
            "-cp",
            f"{parts.kafka_jars()}/*",
            main,
            *arguments,
        ]
