"""Both languages of the README show the same commands, outputs, tables and files."""

from __future__ import annotations

import re

import pytest

from rig.layout import PROJECT

ENGLISH = (PROJECT / "README.md").read_text(encoding="utf-8")
KOREAN = (PROJECT / "README.ko.md").read_text(encoding="utf-8")

BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# A link to the other language, or to a heading, which is in the reader's own language.
LINK = re.compile(r"\]\((?!README|#)([^)#]+)")


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def code(text: str) -> list[str]:
    return [" ".join(words.split()) for words in re.findall(r"`([^`]+)`", text)]


def rows(text: str) -> list[list[str]]:
    """What stands as code in each row of each table, in any order: languages differ in it."""
    return [sorted(code(line)) for line in prose(text).splitlines() if line.startswith("|")]


def sections(text: str) -> list[list[str]]:
    """What stands as code outside tables, section by section."""
    return [
        sorted(set(code("\n".join(line for line in part.splitlines() if line[:1] != "|"))))
        for part in re.split(r"^## ", prose(text), flags=re.MULTILINE)
    ]


@pytest.mark.parametrize(
    "part", [BLOCK.findall, rows, sections, LINK.findall], ids=["blocks", "tables", "code", "links"]
)
def test_both_languages_have_the_same(part):
    assert part(KOREAN) == part(ENGLISH)


def test_the_files_that_are_linked_exist():
    assert [link for link in LINK.findall(ENGLISH) if not (PROJECT / link).exists()] == []
