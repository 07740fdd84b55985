"""A broker that asks for a name and a password (SASL/SCRAM) and speaks TLS; and what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from rig import layout, ledger, load, records
from rig.broker import Broker
from rig.security import USER, Security

INPUT, OUTPUT = "secure-before", "secure-after"
DEAD_LETTERS = f"{INPUT}.dlq"
COUNT = 2_000


@pytest.fixture(scope="module")
def security(bench) -> Security:
    return Security(bench.run.folder / "secure" / "certificates")


@pytest.fixture(scope="module")
def broker(bench, security) -> Iterator[Broker]:
    broker = Broker(bench.run.folder / "secure", bench.run.processes, security=security)
    broker.launch()
    try:
        broker.wait()
        records.create_topics(broker.bootstrap_servers, {INPUT: 2, OUTPUT: 2, DEAD_LETTERS: 2})
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def rights(broker) -> None:
    """The job's user may do what the job does, and no more."""
    client = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    topics, group = ResourceType.TOPIC, ResourceType.GROUP
    bindings = [
        AclBinding(
            *(kind, name, ResourcePatternType.LITERAL, f"User:{USER}", "*"),
            *(operation, AclPermissionType.ALLOW),
        )
        for kind, name, operation in (
            (topics, INPUT, AclOperation.READ),
            (topics, OUTPUT, AclOperation.WRITE),
            (topics, DEAD_LETTERS, AclOperation.WRITE),
            (group, INPUT, AclOperation.READ),
        )
    ]
    for made in client.create_acls(bindings).values():
        made.result(30)


def arguments(broker: Broker, *more: str) -> list[str]:
    return [
        *("--bootstrap-servers", broker.secure_servers),
        *("--input-topic", INPUT, "--output-topic", OUTPUT, "--group-id", INPUT),
        *more,
    ]


def refusal(bench, broker: Broker, security: Security, *more: str) -> str:
    """The one sentence that a check ends with, in which no secret stands."""
    done = bench.cluster.flink(
        *("run", "--class", layout.JOB_CLASS, str(layout.JAR)),
        *arguments(broker, *more, "--check"),
    )
    assert done.returncode == 2, done.stdout + done.stderr
    for secret in security.secrets:
        assert secret not in done.stdout + done.stderr
    assert "\tat " not in done.stdout + done.stderr
    _, _, problems = done.stderr.partition("The job was not submitted:\n")
    [sentence] = problems.splitlines()
    return sentence.strip()


def test_no_rights(bench, broker, security, note):
    """A user without rights does not even see the topics; the sentence names them."""
    done = bench.cluster.flink(
        *("run", "--class", layout.JOB_CLASS, str(layout.JAR)),
        *arguments(broker, "--config", str(security.job_config()), "--check"),
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert INPUT in done.stderr
    assert "\tat " not in done.stderr
    note(done.stderr.partition("The job was not submitted:\n")[2].splitlines()[0].strip())


def test_wrong_password(bench, broker, security, rights, note):
    config = security.job_config(password="not-it")
    sentence = refusal(bench, broker, security, "--config", str(config))
    assert "SaslAuthenticationException" in sentence
    assert "not-it" not in sentence
    note(sentence)


def test_wrong_certificate(bench, broker, security, rights, note):
    config = security.job_config(trust_store=security.strange_trust_store)
    sentence = refusal(bench, broker, security, "--config", str(config))
    assert "SslAuthenticationException" in sentence
    note(sentence)


def test_events_by_way_of_tls(bench, broker, security, rights, note):
    """The job runs with these rights, and neither secret nor user nor address is in any log."""
    cluster = bench.cluster
    config = str(security.job_config())
    # Users and addresses that stand in no other test's load.
    expected = load.generated(COUNT, seed=11)
    to_send = [
        records.Record(
            each.record.key,
            each.record.value and each.record.value.replace(b"user-", b"private-person-"),
        )
        for each in expected
    ]
    addresses = {json.loads(each.record.value)["ip"] for each in expected[:200] if not each.reason}
    sent = records.send(broker.bootstrap_servers, INPUT, to_send)
    job_id = cluster.submit(*arguments(broker, "--config", config), parallelism=2)
    try:
        account = ledger.keep(
            broker.bootstrap_servers,
            input_topic=INPUT,
            output_topic=OUTPUT,
            dead_letter_topic=DEAD_LETTERS,
            acknowledged=sent,
            patience_s=60,
        )
        assert account.differences() == {}
        shown = [json.dumps(page) for page in cluster.rest.pages_of(job_id)]
    finally:
        cluster.rest.cancel(job_id)
    printed = cluster.flink(
        *("run", "--class", layout.JOB_CLASS, str(layout.JAR)),
        *arguments(broker, "--config", config, "--print-config"),
    )
    assert "kafka.sasl.jaas.config" in printed.stdout
    logs = [
        file.read_text(errors="replace") for file in (bench.run.folder / "logs").glob("flink-*")
    ]
    for secret in security.secrets:
        assert not any(secret in text for text in (*logs, *shown, printed.stdout, printed.stderr))
    for data in ("private-person-", *addresses):
        assert not any(data in text for text in logs), data
    note(f"{COUNT:,} records by SASL_SSL; {len(logs)} logs, {len(shown)} pages of the web UI")
