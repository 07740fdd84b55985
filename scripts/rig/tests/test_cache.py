"""A part of the cache is whole or not there, and made once."""

from __future__ import annotations

import threading

import pytest

from rig import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SESSION_CACHE", str(tmp_path / "cache"))


def test_a_cut_fetch_leaves_nothing(tmp_path):
    def cut(folder):
        (folder / "half").write_text("")
        raise OSError("cut")

    with pytest.raises(OSError, match="cut"):
        cache.provide("part", cut)
    assert not (tmp_path / "cache" / "part").exists()
    folder = cache.provide("part", lambda folder: (folder / "whole").write_text(""))
    assert [each.name for each in folder.iterdir()] == ["whole"]


def test_two_runs_at_once_make_one(tmp_path):
    made = []
    began = threading.Barrier(2)

    def run():
        began.wait()
        cache.provide("part", lambda folder: made.append(folder))

    runs = [threading.Thread(target=run) for _ in range(2)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert len(made) == 1
    assert (tmp_path / "cache" / "part").is_dir()
