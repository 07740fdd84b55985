"""What docs/guarantees.md names as shown by exists."""

from __future__ import annotations

import re

import pytest

from rig.faults.main import FAULTS
from rig.layout import PROJECT

PAGE = (PROJECT / "docs" / "guarantees.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`([\w.]+)::(\w+)`", PAGE)))
NAMED_FAULTS = sorted(
    {
        name
        for group in re.findall(r"faults? (`[^|]*)", PAGE)
        for name in re.findall(r"`([a-z0-9-]+)`", group)
    }
)
SOURCES = [
    path
    for folder in ("java-shim/src/test", "rust-core", "scripts/e2e")
    for path in (PROJECT / folder).rglob("*")
    if path.suffix in {".java", ".rs", ".py"} and "target" not in path.parts
]


def test_the_page_names_many():
    assert len(TESTS) > 20
    assert len(NAMED_FAULTS) >= 5


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_a_named_test_exists(file, name):
    texts = [path.read_text(encoding="utf-8") for path in SOURCES if file in (path.name, path.stem)]
    assert any(re.search(rf"\b(def|fn|void) {name}\(", text) for text in texts)


@pytest.mark.parametrize("name", NAMED_FAULTS)
def test_a_named_fault_exists(name):
    assert name in FAULTS
