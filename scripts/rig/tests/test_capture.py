"""A record comes back from its line as it was; what is no line is told with its place."""

from __future__ import annotations

import gzip

import pytest

from rig import capture
from rig.records import Origin, Record, StoredRecord

CONTENTS = [None, b"", b"text", "사용자\u2028".encode(), b"\xff\xfe", b'{"a":"\\"\\n"}\n\r']


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("timestamp_ms", [None, -1, 1734144000000])
def test_a_record_comes_back(content, timestamp_ms):
    headers = (("trace", content), ("trace", b"again"), ("nothing", None))
    stored = StoredRecord(Origin("log-before", 3, 17), content, content, headers, timestamp_ms)
    text = capture.line(stored)
    assert "\n" not in text
    known_time = timestamp_ms if timestamp_ms and timestamp_ms > 0 else None
    assert capture.record(text) == Record(content, content, headers, known_time, 3)
    assert capture.record(text, by_key=True).partition is None


def test_a_line_that_is_none_is_told_with_its_place(tmp_path):
    file = tmp_path / "some.gz"
    stored = StoredRecord(Origin("t", 0, 0), None, b"x")
    with gzip.open(file, "wt") as lines:
        lines.write(capture.line(stored) + "\n" + '{"topic":"t"}\n')
    with pytest.raises(capture.CaptureError, match=r"some\.gz, line 2"):
        capture.load("localhost:1", file, "t")
