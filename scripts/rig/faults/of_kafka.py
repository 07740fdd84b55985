"""Faults of the broker, of the network to it, and of its topics."""

from __future__ import annotations

import time
from dataclasses import replace

from rig import records
from rig.faults.catalogue import AT_LEAST_ONCE, BOTH, EXACTLY_ONCE, fault
from rig.faults.trial import PARTITIONS, Trial

# Kafka's API number of the request that ends a transaction.
END_TRANSACTION = 26


@fault(
    "sends fail between two checkpoints: interval 60 s, delivery timeout 5 s, the broker out of"
    " reach for 20 s",
    deliveries=BOTH,
    ci=True,
)
def send_failure_between_checkpoints(trial: Trial) -> None:
    trial.begin(
        "--sink.delivery.timeout.ms=5000",
        "--sink.request.timeout.ms=3000",
        "--sink.linger.ms=1000",
        interval="60s",
        settings={"execution.checkpointing.min-pause": "60s"},
    )
    # The next one then comes a minute later, so none falls into the outage: a checkpoint's own
    # flush would fail the task.
    trial.wait_for_checkpoint()
    # No dead letters: their own sink would fail the task, and the other's failure go unseen.
    with trial.under_load(60, trial.generated(bad_share=0)):
        time.sleep(10)
        trial.strike("network cut")
        trial.stage.proxy.cut()
        time.sleep(20)
        trial.stage.proxy.heal()
        trial.lift("network back")
    assert trial.restarts() > 0, "no send failed, so nothing was tried"


def _kill_broker(trial: Trial, seconds: float) -> None:
    trial.begin()
    with trial.under_load(45 + seconds):
        time.sleep(10)
        trial.strike("broker killed")
        trial.broker.kill()
        time.sleep(seconds)
        trial.broker.launch()
        trial.broker.wait()
        trial.lift("broker answers")


@fault("broker killed (SIGKILL), away for 5 s", deliveries=BOTH, ci=True)
def broker_killed_5s(trial: Trial) -> None:
    _kill_broker(trial, 5)


@fault("broker killed (SIGKILL), away for 30 s", deliveries=BOTH)
def broker_killed_30s(trial: Trial) -> None:
    _kill_broker(trial, 30)


@fault("broker killed (SIGKILL), away for 150 s", deliveries=BOTH)
def broker_killed_150s(trial: Trial) -> None:
    _kill_broker(trial, 150)


@fault("connections half open for 20 s: they stay, and no byte gets through", deliveries=BOTH)
def half_open_connections(trial: Trial) -> None:
    trial.begin()
    with trial.under_load(75):
        time.sleep(10)
        trial.strike(f"{trial.stage.proxy.connections} connections silent")
        trial.stage.proxy.silence()
        time.sleep(20)
        trial.stage.proxy.heal()
        trial.lift("new connections get through")


@fault("three partitions added to the input topic under load", deliveries=(AT_LEAST_ONCE,))
def partitions_added(trial: Trial) -> None:
    trial.begin("--partition-discovery", "3s")
    # The producer learns of them soon; from then on users change their partition.
    with trial.under_load(45, topic_metadata_refresh_interval_ms=2000):
        time.sleep(10)
        trial.strike("partitions added")
        records.add_partitions(trial.broker.bootstrap_servers, trial.input, PARTITIONS + 3)
        trial.lift("partitions added")
    used = {each.origin.partition for each in trial.sent}
    assert used == set(range(PARTITIONS + 3)), f"records went to partitions {sorted(used)} only"


# Of the second half only one partition's part is sent.
@fault("four of six partitions silent: sessions close all the same", count=320_000)
def idle_partitions(trial: Trial) -> None:
    trial.begin(idle_timeout="2s")
    half = trial.count // 2
    to_send = trial.generated()
    # Users keep their partition: the first two share the users, then those of one go on.
    of_two = [replace(each, partition=len(each.key) % 2) for each in to_send]
    trial.strike("four partitions never get a record")
    with trial.under_load(30, of_two[:half]):
        pass
    trial.strike("a fifth falls silent")
    trial.lift("a fifth falls silent")
    with trial.under_load(20, [each for each in of_two[half:] if each.partition == 0]):
        pass
    closed = len(records.read(trial.broker.bootstrap_servers, trial.session_topic))
    assert closed > 1000, f"{closed} sessions closed: event time stood still"
    trial.note(f"{closed:,} sessions closed under load")


@fault(
    "output topic deleted and made anew 10 s later",
    expected="b",
    deliveries=BOTH,
    remedy="read again from the beginning, with a new group: cancel, make the topics again, then"
    " submit with `--start earliest --group-id NEW`",
)
def output_topic_deleted(trial: Trial) -> None:
    trial.begin(
        "--sink.max.block.ms=5000",
        "--sink.delivery.timeout.ms=10000",
        "--sink.request.timeout.ms=5000",
    )
    servers = trial.broker.bootstrap_servers
    with trial.under_load(60):
        time.sleep(15)
        gone = len(records.read(servers, trial.output))
        trial.strike(f"output topic with {gone} records deleted")
        records.delete_topic(servers, trial.output)
        trial.wait_for_failure("UnknownTopicOrPartition|not present in metadata")
        trial.cancel()
        # Its close records would come a second time.
        records.delete_topic(servers, trial.session_topic)
        time.sleep(10)
        records.create_topics(servers, {trial.output: PARTITIONS, trial.session_topic: 1})
        trial.lift("topics made anew, job submitted")
        trial.group += "-again"
        trial.submit("--start", "earliest")
    assert gone > 0, "nothing was lost with the topic"
    trial.note(f"{gone:,} records went with the old topic, and came again")


@fault(
    "an output larger than the output topic takes (max.message.bytes)",
    expected="b",
    deliveries=BOTH,
    remedy="raise the topic's `max.message.bytes`; the job goes on by itself",
    ci=True,
)
def output_too_large(trial: Trial) -> None:
    trial.make_topics(output_config={"max.message.bytes": "100000"})
    trial.submit("--sink.compression.type=none")
    to_send = trial.generated()
    padding = b'", "padding": "' + b"x" * 200_000
    large = records.Record(
        b"large", b'{"uid":"large","log_name":"CIN","ts":1734144000000,"note":"' + padding + b'"}'
    )
    to_send.insert(len(to_send) // 4, large)
    with trial.under_load(40, to_send):
        trial.strike("a record of 200 kB for a topic of 100 kB")
        trial.wait_for_failure("RecordTooLargeException")
        records.configure_topic(
            trial.broker.bootstrap_servers, trial.output, {"max.message.bytes": "1048588"}
        )
        trial.lift("topic takes it")


@fault(
    "retention deletes what the stopped job has not read",
    expected="c",
    remedy="`--check` and the submission itself name the number",
)
def offsets_beyond_retention(trial: Trial) -> None:
    trial.begin()
    to_send = trial.generated()
    half = len(to_send) // 2
    with trial.under_load(20, to_send[:half]):
        pass
    trial.account()
    savepoint = trial.rest.stop_with_savepoint(trial.job_id)
    trial.strike("job stopped, records go on, retention deletes the oldest")
    sent = trial.send(to_send[half:])
    kept = {}
    for each in sent[: len(sent) // 3]:
        kept[each.origin.partition] = each.origin.offset + 1
    records.delete_before(trial.broker.bootstrap_servers, trial.input, kept)
    trial.submit(from_savepoint=savepoint)
    trial.lift("job submitted again")
    trial.reported = trial.said(r"retention has deleted ([\d,]+) records")


@fault(
    "a transaction expires before it is committed: timeout 10 s, no commit gets through for 40 s",
    expected="c",
    deliveries=(EXACTLY_ONCE,),
    remedy="the task's log and the counter `expiredTransactionRecords` name the number",
)
def transaction_expired(trial: Trial) -> None:
    trial.begin("--transaction-timeout", "10s", interval="3s")
    with trial.under_load(70):
        time.sleep(15)
        trial.strike("requests that end a transaction no longer get through")
        trial.stage.proxy.block(END_TRANSACTION)
        time.sleep(40)
        trial.stage.proxy.heal()
        trial.lift("all requests get through")
    # Of each transaction once: one that is tried again after a restart may be told again.
    trial.reported = trial.said(
        rf"Transaction .* to {trial.output} expired .*: (\d+) records are lost"
    )
