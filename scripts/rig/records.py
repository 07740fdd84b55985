"""Records on topics: making topics, sending records, reading them back.

The client is librdkafka, so that a fault of the Java client cannot hide on both sides.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Optional

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
)

ADMIN_PATIENCE_S = 30
# What the producer puts into one request before the broker compresses or refuses it.
LARGEST_RECORD = 64 * 1024 * 1024

# A name may stand there more than once, and a value may be null.
Headers = tuple[tuple[str, Optional[bytes]], ...]


class Origin(NamedTuple):
    """Where a record stands: the header `session.origin` holds it as `topic/partition/offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Origin:
        topic, partition, offset = text.rsplit("/", 2)
        return cls(topic, int(partition), int(offset))


@dataclasses.dataclass(frozen=True)
class Record:
    """A record to send: without a partition its key decides, without a time the clock does."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int | None = None
    partition: int | None = None


@dataclasses.dataclass(frozen=True)
class StoredRecord:
    """A record as it stands on a topic."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int | None = None

    def header(self, name: str) -> str | None:
        """The header's last value as text."""
        values = [value for each, value in self.headers if each == name]
        return values[-1].decode() if values else None


class Acknowledged(NamedTuple):
    """What the broker told the producer about one record: the truth about what went in."""

    origin: Origin
    sha256: str

    @classmethod
    def of(cls, origin: Origin, value: bytes | None) -> Acknowledged:
        return cls(origin, hashlib.sha256(value or b"").hexdigest())


def create_topics(
    bootstrap_servers: str, partitions: dict[str, int], config: dict[str, str] | None = None
) -> None:
    """Makes topics; `partitions` is {topic: number of partitions}, `config` is for all of them."""
    client = AdminClient(_client(bootstrap_servers))
    topics = [
        NewTopic(topic, number, 1, config=config or {}) for topic, number in partitions.items()
    ]
    for made in client.create_topics(topics).values():
        made.result(ADMIN_PATIENCE_S)


def delete_topic(bootstrap_servers: str, topic: str) -> None:
    client = AdminClient(_client(bootstrap_servers))
    for deleted in client.delete_topics([topic]).values():
        deleted.result(ADMIN_PATIENCE_S)


def add_partitions(bootstrap_servers: str, topic: str, total: int) -> None:
    wanted = [NewPartitions(topic, total)]
    client = AdminClient(_client(bootstrap_servers))
    for made in client.create_partitions(wanted).values():
        made.result(ADMIN_PATIENCE_S)


def configure_topic(bootstrap_servers: str, topic: str, config: dict[str, str]) -> None:
    """Changes these settings of a topic and leaves the others."""
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in config.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
    client = AdminClient(_client(bootstrap_servers))
    for changed in client.incremental_alter_configs([resource]).values():
        changed.result(ADMIN_PATIENCE_S)


def delete_before(bootstrap_servers: str, topic: str, offsets: dict[int, int]) -> None:
    """Deletes what lies before an offset, as retention would; `offsets` is by partition."""
    wanted = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
    client = AdminClient(_client(bootstrap_servers))
    for deleted in client.delete_records(wanted).values():
        deleted.result(ADMIN_PATIENCE_S)


def retention_ms(bootstrap_servers: str, topic: str) -> int | None:
    """How old a record of the topic may become, by its timestamp; None for any age."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    client = AdminClient(_client(bootstrap_servers))
    [described] = client.describe_configs([resource]).values()
    config = described.result(ADMIN_PATIENCE_S)
    kept_ms = int(config["retention.ms"].value)
    return kept_ms if kept_ms >= 0 and "delete" in config["cleanup.policy"].value else None


def send(
    bootstrap_servers: str,
    topic: str,
    records: Iterable[Record],
    *,
    patient: bool = False,
    **properties: object,
) -> list[Acknowledged]:
    """Sends records, in order within a partition; returns one acknowledgement per record, in order.

    A `patient` sender says nothing of a broker that is away for a while. `properties` are the
    producer's, with `_` for `.`.
    """
    return _send(_producer(bootstrap_servers, patient, **properties), topic, records)


@contextlib.contextmanager
def transaction(
    bootstrap_servers: str, topic: str
) -> Iterator[Callable[[Iterable[Record]], list[Acknowledged]]]:
    """Gives a function that sends records in a transaction, which the block's end commits."""
    producer = _producer(bootstrap_servers, transactional_id=f"rig-{topic}")
    producer.init_transactions(ADMIN_PATIENCE_S)
    producer.begin_transaction()
    yield lambda records: _send(producer, topic, records)
    producer.commit_transaction(ADMIN_PATIENCE_S)


def _producer(bootstrap_servers: str, patient: bool = False, **properties: object) -> Producer:
    return Producer(
        {
            **_client(bootstrap_servers, patient),
            "enable.idempotence": True,
            # The Java client's choice of partition, so that a user stays where the user's own
            # producer would put it.
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "message.max.bytes": LARGEST_RECORD,
            "queue.buffering.max.kbytes": LARGEST_RECORD // 1024 * 2,
            **{name.replace("_", "."): value for name, value in properties.items()},
        }
    )


def _send(producer: Producer, topic: str, records: Iterable[Record]) -> list[Acknowledged]:
    acknowledged: list[Acknowledged | None] = []
    failed: list[KafkaError] = []

    def on_delivery(index: int, value: bytes | None) -> Callable:
        def delivered(error: KafkaError | None, message: object) -> None:
            if error is not None:
                failed.append(error)
                return
            origin = Origin(message.topic(), message.partition(), message.offset())
            acknowledged[index] = Acknowledged.of(origin, value)

        return delivered

    for index, record in enumerate(records):
        acknowledged.append(None)
        options = {"partition": record.partition, "timestamp": record.timestamp_ms}
        while True:
            try:
                producer.produce(
                    topic,
                    record.value,
                    record.key,
                    headers=list(record.headers),
                    on_delivery=on_delivery(index, record.value),
                    **{name: value for name, value in options.items() if value is not None},
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush()
    if failed:
        raise KafkaException(failed[0])
    return acknowledged


class Reader:
    """Reads topics from their beginning, and goes on where it stopped at the next call."""

    def __init__(
        self,
        bootstrap_servers: str,
        *topics: str,
        isolation_level: str = "read_committed",
        patient: bool = False,
    ):
        """A `patient` reader goes on where the broker or a topic is away for a while."""
        self._patient = patient
        self._consumer = _consumer(bootstrap_servers, isolation_level, patient)
        partitions = [
            TopicPartition(topic, each, OFFSET_BEGINNING)
            for topic in topics
            for each in _partitions(self._consumer, topic)
        ]
        self._partitions = len(partitions)
        # The broker tells the end of a partition once, until more comes.
        self._at_end: set[tuple[str, int]] = set()
        self._consumer.assign(partitions)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def rest(self) -> Iterator[StoredRecord]:
        """What stands on the topics now and was not read yet."""
        return map(_stored, self._messages())

    def origins_of_rest(self) -> Iterator[Origin]:
        """The places of what `rest` would give, for a fraction of the work."""
        return (Origin(each.topic(), each.partition(), each.offset()) for each in self._messages())

    def _messages(self) -> Iterator[Message]:
        while True:
            # This waits for all that many or for the time, so the time is short.
            messages = self._consumer.consume(1000, timeout=0.1)
            for message in messages:
                partition = message.topic(), message.partition()
                if message.error() is None:
                    self._at_end.discard(partition)
                    yield message
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    self._at_end.add(partition)
                elif not self._patient:
                    raise KafkaException(message.error())
            if not messages and len(self._at_end) == self._partitions:
                return


def read(bootstrap_servers: str, *topics: str) -> list[StoredRecord]:
    """All that stands on the topics now."""
    with Reader(bootstrap_servers, *topics) as reader:
        return list(reader.rest())


def read_until_now(
    bootstrap_servers: str, topic: str, starts: dict[int, int] | None = None
) -> Iterator[StoredRecord]:
    """What stands on a topic at the time of the call, however much is still being written to it.

    `starts` is {partition: offset to begin at}; without it, all partitions from their beginning.
    """
    consumer = _consumer(bootstrap_servers)
    try:
        partitions = _partitions(consumer, topic)
        if starts is not None:
            partitions = sorted(starts.keys() & set(partitions))
        ends = {}
        assigned = []
        for partition in partitions:
            first, end = consumer.get_watermark_offsets(
                TopicPartition(topic, partition), ADMIN_PATIENCE_S
            )
            # What retention took cannot be begun at.
            start = max(first, (starts or {}).get(partition, first))
            if start < end:
                ends[partition] = end
                assigned.append(TopicPartition(topic, partition, start))
        consumer.assign(assigned)
        while ends:
            for message in consumer.consume(1000, timeout=0.1):
                partition = message.partition()
                if message.error() is None:
                    end = ends.get(partition, 0)
                    if message.offset() < end:
                        yield _stored(message)
                    done = message.offset() >= end - 1
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    # The last offset may be a transaction's marker, which is never handed out.
                    done = True
                else:
                    raise KafkaException(message.error())
                if done and ends.pop(partition, None):
                    consumer.pause([TopicPartition(topic, partition)])
    finally:
        consumer.close()


def committed(bootstrap_servers: str, group: str, topic: str) -> int:
    """How many of the topic's records the group has committed, from offset 0 on."""
    return sum(committed_offsets(bootstrap_servers, group, topic).values())


def committed_offsets(bootstrap_servers: str, group: str, topic: str) -> dict[int, int]:
    """{partition: offset} of the partitions that the group has committed."""
    consumer = Consumer({**_client(bootstrap_servers), "group.id": group})
    try:
        partitions = [TopicPartition(topic, each) for each in _partitions(consumer, topic)]
        offsets = consumer.committed(partitions, ADMIN_PATIENCE_S)
        return {each.partition: each.offset for each in offsets if each.offset >= 0}
    finally:
        consumer.close()


def commit(bootstrap_servers: str, group: str, topic: str, offsets: dict[int, int]) -> None:
    """Commits for a group that nobody is in; `offsets` is by partition."""
    consumer = Consumer({**_client(bootstrap_servers), "group.id": group})
    try:
        wanted = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
        consumer.commit(offsets=wanted, asynchronous=False)
    finally:
        consumer.close()


def sizes(bootstrap_servers: str, topic: str) -> dict[int, tuple[int, int]]:
    """{partition: (first offset, offset behind the last record)}"""
    consumer = _consumer(bootstrap_servers)
    try:
        return {
            each: consumer.get_watermark_offsets(TopicPartition(topic, each), ADMIN_PATIENCE_S)
            for each in _partitions(consumer, topic)
        }
    finally:
        consumer.close()


def written(bootstrap_servers: str, *topics: str) -> int:
    """How many records were ever written to these topics; the marks of transactions count too."""
    return sum(end for topic in topics for _, end in sizes(bootstrap_servers, topic).values())


def write_acknowledged(file: Path, acknowledged: Iterable[Acknowledged]) -> None:
    """Appends acknowledgements to a file, one JSON object a line."""
    with file.open("a") as lines:
        for each in acknowledged:
            lines.write(json.dumps({**each.origin._asdict(), "sha256": each.sha256}) + "\n")


def read_acknowledged(file: Path) -> list[Acknowledged]:
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    return [
        Acknowledged(Origin(entry["topic"], entry["partition"], entry["offset"]), entry["sha256"])
        for entry in entries
    ]


def _client(bootstrap_servers: str, patient: bool = False) -> dict:
    # Errors only: a broker that has just come up makes the client warn of what it then retries.
    # Where the broker is meant to be away, each attempt to connect would be an error.
    return {"bootstrap.servers": bootstrap_servers, "log_level": 0 if patient else 3}


def _consumer(
    bootstrap_servers: str, isolation_level: str = "read_committed", patient: bool = False
) -> Consumer:
    return Consumer(
        {
            **_client(bootstrap_servers, patient),
            # Partitions are assigned, not subscribed to: the group exists in name only.
            "group.id": "rig-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation_level,
            "fetch.wait.max.ms": 50,
        }
    )


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    known = consumer.list_topics(topic, ADMIN_PATIENCE_S).topics[topic]
    if known.error is not None:
        raise KafkaException(known.error)
    return list(known.partitions)


def _stored(message: Message) -> StoredRecord:
    kind, at_ms = message.timestamp()
    return StoredRecord(
        Origin(message.topic(), message.partition(), message.offset()),
        message.key(),
        message.value(),
        tuple(message.headers() or ()),
        None if kind == TIMESTAMP_NOT_AVAILABLE else at_ms,
    )
