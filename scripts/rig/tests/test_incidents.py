"""The incidents of the demo: what they say, and which checkpoint a job goes on from."""

from __future__ import annotations

import argparse

import pytest

from rig import incidents
from rig.processes import ProcessError


def checkpoint(folder, number: int, whole: bool = True) -> None:
    (folder / f"chk-{number}").mkdir(parents=True)
    if whole:
        (folder / f"chk-{number}" / "_metadata").touch()


def test_the_newest_checkpoint_is_the_one_of_the_highest_number_that_is_whole(tmp_path):
    for number in (2, 9, 10):
        checkpoint(tmp_path, number)
    checkpoint(tmp_path, 11, whole=False)
    assert incidents.newest_checkpoint(tmp_path) == tmp_path / "chk-10"


def test_a_job_that_completed_no_checkpoint_is_told(tmp_path):
    with pytest.raises(ProcessError, match="no checkpoint"):
        incidents.newest_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "words",
    [("stop-broker", "0"), ("stop-broker", "soon"), ("rescale", "0"), ("upgrade", "--jar", "none")],
)
def test_what_cannot_be_is_refused_before_anything_happens(words):
    parser = argparse.ArgumentParser()
    incidents.add_commands(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(words)
