"""Records that become events: their labels, bytes, keys, headers, whatever the parallelism."""

from __future__ import annotations

import time

import pytest
from access_log import access_log
from bench import labels, values

from rig import load
from rig.records import Record

# The members added to the README's four records, by record.
SIMPLE_TEST_MEMBERS = (
    b',"ts_str":"2024-12-14T11:40:00.000+0900","session_id":"u21_1734144000000",'
    b'"session_start_ts":1734144000000,"session_last_ts":1734144000000,'
    b'"session_expire_at":1734154800000,"seq_in_session":1}',
    b',"ts_str":"2024-12-14T11:40:00.500+0900","session_id":"u21_1734144000000",'
    b'"session_start_ts":1734144000000,"session_last_ts":1734144000500,'
    b'"session_expire_at":1734154800500,"seq_in_session":2}',
    b',"ts_str":"2024-12-14T11:40:00.000+0900","session_id":"k2_1734144000000",'
    b'"session_start_ts":1734144000000,"session_last_ts":1734144000000,'
    b'"session_expire_at":1734145800000,"seq_in_session":1}',
    b',"ts_str":"2024-12-14T11:40:00.000+0900","session_id":"u22_1734144000000",'
    b'"session_start_ts":1734144000000,"session_last_ts":1734144000000,'
    b'"session_expire_at":1734154800000,"seq_in_session":1}',
)
SIMPLE_TEST_KEYS = (
    b"u21_1734144000000",
    b"u21_1734144000000",
    b"k2_1734144000000",
    b"u22_1734144000000",
)


def test_simple_test_of_the_readme(bench, note):
    """The four records: value, key, headers and timestamp of each output."""
    headers = (("trace", b"a"), ("trace", b"b"), ("nothing", None))
    at_ms = int(time.time() * 1000) - 60_000
    to_send = [
        Record(load.keyed_by_user(value).key, value, headers, at_ms + index)
        for index, value in enumerate(load.SIMPLE_TEST)
    ]
    with bench.pipeline(partitions=12) as pipeline:
        sent = pipeline.send(to_send)
        account = pipeline.account()
    assert account.differences() == {}
    for index, each in enumerate(sent):
        [output] = account.out[each.origin]
        assert output.value == load.SIMPLE_TEST[index][:-1] + SIMPLE_TEST_MEMBERS[index]
        assert output.key == SIMPLE_TEST_KEYS[index]
        assert output.headers == (*headers, ("session.origin", str(each.origin).encode()))
        assert output.timestamp_ms == at_ms + index
    note("4 records, each output compared byte for byte")


def test_parallelism_does_not_change_labels(bench, note):
    """An access log through jobs of parallelism 1, 4 and 16: the same values, none missing."""
    lines, name = access_log()
    to_send = [load.keyed_by_user(line) for line in lines]
    runs = {}
    for parallelism in (1, 4, 16):
        with bench.pipeline(partitions=12, parallelism=parallelism) as pipeline:
            sent = pipeline.send(to_send)
            account = pipeline.account()
            pipeline.assert_never_failed()
        assert account.differences() == {}
        assert len(account.out) == len(lines)
        assert account.reasons() == {}
        runs[parallelism] = values(account, sent)
    for value, line in zip(runs[1], lines):
        assert value.startswith(line[:-1] + b',"ts_str":')
    assert runs[1] == runs[4] == runs[16]
    note(f"{len(lines):,} records of {name} at parallelism {', '.join(map(str, runs))}")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_input(bench, note, codec):
    """Input compressed by the producer is read."""
    values_in = [
        b'{"uid":"u%d","log_name":"CLICK","ts":%d}' % (index % 50, load.START_MS + index)
        for index in range(1000)
    ]
    with bench.pipeline(partitions=2) as pipeline:
        to_send = [load.keyed_by_user(value) for value in values_in]
        sent = pipeline.send(to_send, compression_type=codec)
        account = pipeline.account()
        pipeline.assert_never_failed()
    assert account.differences() == {}
    assert [label["seq_in_session"] for label in labels(account, sent)] == [
        index // 50 + 1 for index in range(1000)
    ]
    note(f"1,000 records compressed with {codec}")
