"""The jar is built again for what it is made of, and for nothing else."""

from __future__ import annotations

import os

import pytest

from rig import job, layout


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("rust-core/wire/src/core.rs", True),
        ("java-shim/src/main/java/A.java", True),
        ("Cargo.lock", True),
        ("rust-core/fuzz/fuzz_targets/decode.rs", False),
        ("rust-core/fuzz/Cargo.toml", False),
        ("rust-core/wire/tests/golden.rs", False),
        ("java-shim/src/test/java/ATest.java", False),
        ("scripts/rig/demo.py", False),
    ],
)
def test_a_change_makes_the_jar_stale(changed, stale, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "PROJECT", tmp_path)
    monkeypatch.setattr(layout, "JAR", tmp_path / "job.jar")
    assert job.stale(), "there is none"
    for file, at_s in ((layout.JAR, 1_700_000_000), (tmp_path / changed, 1_700_000_001)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (at_s, at_s))
    assert job.stale() == stale
