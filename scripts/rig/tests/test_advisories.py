"""What is asked for is what the lock files and Maven name."""

from __future__ import annotations

import re

import pytest

from rig import advisories, layout


def test_crates_but_for_our_own():
    lock = """[[package]]
name = "serde"
version = "1.0.228"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "session"
version = "1.0.0"
dependencies = [
 "serde",
]
"""
    assert list(advisories.of_cargo_lock(lock)) == ["pkg:cargo/serde@1.0.228"]


@pytest.mark.parametrize("name", advisories.CARGO_LOCKS)
def test_every_crate_of_the_lock_files(name):
    text = (layout.PROJECT / name).read_text()
    assert len(list(advisories.of_cargo_lock(text))) == text.count("\nsource = ")


def test_every_pinned_package():
    text = advisories.REQUIREMENTS.read_text()
    found = list(advisories.of_requirements(text))
    assert len(found) == len(re.findall(r"^\S+==", text, re.MULTILINE))
    assert any(each.startswith("pkg:pypi/confluent-kafka@") for each in found)


def test_what_the_jar_is_made_of():
    listed = """
The following files have been resolved:
   org.apache.kafka:kafka-clients:jar:3.9.1:compile -- module kafka.clients (auto)
   org.xerial.snappy:snappy-java:jar:1.1.10.5:runtime
   org.apache.flink:flink-core:jar:1.18.1:provided
"""
    assert list(advisories.of_maven(listed)) == [
        "pkg:maven/org.apache.kafka/kafka-clients@3.9.1",
        "pkg:maven/org.xerial.snappy/snappy-java@1.1.10.5",
    ]


# Also where OSV cannot be asked: what docs/guarantees.md tells as gone does not come back.
@pytest.mark.parametrize(
    ("name", "least"), [("kafka-clients", (3, 9, 2)), ("lz4-java", (1, 11, 4))]
)
def test_what_was_found_once_is_gone(name, least):
    pom = (layout.PROJECT / "pom.xml").read_text()
    [version] = re.findall(rf"<artifactId>{name}</artifactId>\s*<version>(.+?)</version>", pom)
    if version.startswith("${"):
        [version] = re.findall(rf"<{version[2:-1]}>(.+?)<", pom)
    assert tuple(map(int, version.split("."))) >= least


def test_no_answer_is_told():
    with pytest.raises(advisories.Unanswered, match="gave no answer"):
        advisories.ask(["pkg:pypi/rich@1"], "http://127.0.0.1:9")
