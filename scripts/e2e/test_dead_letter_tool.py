"""scripts/dead-letters on a real broker, with the job on both sides of the replay."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time

from bench import values

from rig import layout, load, records
from rig.dead_letters import REPLAY_OF, REPLAYS
from rig.ledger import REASON
from rig.records import Record

TOOL = layout.PROJECT / "scripts" / "dead-letters"
HEADERS = (("trace", b"t"), ("trace", None), ("session.origin", b"elsewhere/1/2"))
# Old enough to be told from the present, young enough for the topic's retention.
OWN_TIME_MS = int(time.time() * 1000) - 7_200_000


def tool(pipeline, command: str, *arguments: object) -> str:
    servers = ("--bootstrap-servers", pipeline.servers, "--input-topic", pipeline.input)
    words = [sys.executable, str(TOOL), command, *servers, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def event(user: bytes, padding: int) -> Record:
    value = b'{"uid":"%s","log_name":"CIN","ts":%d,"note":"%s"}' % (
        *(user, load.START_MS),
        b"n" * padding,
    )
    return Record(user, value, HEADERS, OWN_TIME_MS, partition=len(user) % 2)


def test_replay_after_a_fix(bench, note, tmp_path):
    """What was too large comes out after the limit is raised; what nobody fixed stays out."""
    large = [event(b"u" * number, padding=2000) for number in range(1, 6)]
    hopeless = Record(b"k", b"no json", HEADERS, OWN_TIME_MS, 0)
    without_value = Record(b"t", random.Random(2).randbytes(1_048_476), (), OWN_TIME_MS, 1)
    acknowledged = tmp_path / "acknowledged.jsonl"
    with bench.pipeline("--max-record-size", "1kb", partitions=2) as pipeline:
        pipeline.send([*large, hopeless, without_value, event(b"good", padding=0)])
        account = pipeline.account()
        assert account.reasons() == {"invalid_json": 1, "too_large": 6}

        counts = [line.split()[:3] for line in tool(pipeline, "list").splitlines()]
        assert ["too_large", "6", "1"] in counts
        assert ["invalid_json", "1", "0"] in counts
        assert tool(pipeline, "list", "--until", "3h").startswith("No such dead letter")
        shown = tool(pipeline, "show", "--reason", "invalid_json")
        for part in ("no json", "trace = none", "session.origin = elsewhere/1/2", "key     k"):
            assert part in shown
        raw = tool(pipeline, "show", "--reason", "invalid_json", "--raw")
        assert raw == "no json\n"

        pipeline.wait_for_commit()
        pipeline.cancel()
        pipeline.options = ()
        pipeline.submit()

        def replay(*arguments: object) -> str:
            before = (
                0 if not acknowledged.exists() else len(records.read_acknowledged(acknowledged))
            )
            told = tool(pipeline, "replay", *arguments, "--acknowledged", acknowledged)
            if acknowledged.exists():
                pipeline.sent += records.read_acknowledged(acknowledged)[before:]
            return told

        assert "Dry run" in replay("--all", "--dry-run")
        assert len(records.read(pipeline.servers, pipeline.input)) == 8
        assert "4 sent" in replay("--all", "--limit", 4)
        told = replay("--all")
        assert "2 sent" in told
        assert "the value is not there" in told
        assert "0 sent" in replay("--all"), "no dead letter is sent twice"

        account = pipeline.account()
        assert account.differences() == {}
        assert account.reasons() == {"invalid_json": 2, "too_large": 6}
        replayed = [
            record
            for record in records.read(pipeline.servers, pipeline.input)
            if record.header(REPLAYS)
        ]
        assert [record.header(REPLAYS) for record in replayed] == ["1"] * 6
        sent = {record.key: record for record in (*large, hopeless)}
        for record in replayed:
            original = sent[record.key]
            assert record.value == original.value
            assert record.timestamp_ms == original.timestamp_ms
            assert record.headers[: len(HEADERS)] == HEADERS
            assert {name for name, _ in record.headers[len(HEADERS) :]} == {REPLAYS, REPLAY_OF}
        came_out = values(
            account, [each for each in pipeline.sent[8:] if each.origin in account.out]
        )
        assert {json.loads(value)["uid"] for value in came_out} == {
            record.key.decode() for record in large
        }

        # The hopeless one came back. It goes round once more only when that is asked for.
        assert "replayed 1 times, and dead again" in replay("--reason", "invalid_json")
        assert "1 sent" in replay("--reason", "invalid_json", "--rounds", 2)
        account = pipeline.account()
        assert account.differences() == {}
        rounds = sorted(
            copies[-1].header(REPLAYS) or "0"
            for copies in account.dead.values()
            if copies[-1].header(REASON) == "invalid_json"
        )
        assert rounds == ["0", "1", "2"]
        pipeline.assert_never_failed()
    note("7 dead letters, 6 replayed, 5 came out, 1 died again and went round once more")
