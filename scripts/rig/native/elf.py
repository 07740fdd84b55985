"""What a shared library asks of the machine that loads it, read from its ELF file."""

from __future__ import annotations

import dataclasses
import struct

MACHINES = {62: "linux-x86_64", 183: "linux-aarch_64"}

_DYNAMIC, _DYNAMIC_SYMBOLS, _VERSION_NEEDS = 6, 11, 0x6FFFFFFE
_NEEDED, _RPATH, _RUNPATH, _FLAGS, _FLAGS_1 = 1, 15, 29, 30, 0x6FFFFFFB
_STATIC_TLS, _NODELETE = 0x10, 0x8


class ElfError(Exception):
    """The bytes are no 64-bit little-endian ELF file."""


@dataclasses.dataclass
class Library:
    """`glibc` is the newest symbol version it needs, as numbers: (2, 17)."""

    platform: str
    glibc: tuple[int, ...]
    needed: list[str]
    exports: list[str]
    nodelete: bool
    static_tls: bool
    search_path: bool


def read(content: bytes) -> Library:
    if content[:6] != b"\x7fELF\x02\x01":
        raise ElfError("no 64-bit little-endian ELF file")
    (machine,) = struct.unpack_from("<H", content, 18)
    sections = _sections(content)
    dynamic = [
        struct.unpack_from("<qQ", section.body, at)
        for section in sections
        if section.kind == _DYNAMIC
        for at in range(0, len(section.body), 16)
    ]
    strings = next((each.strings for each in sections if each.kind == _DYNAMIC), b"")
    flags = {tag: value for tag, value in dynamic if tag in (_FLAGS, _FLAGS_1)}
    return Library(
        platform=MACHINES.get(machine, f"machine number {machine}"),
        glibc=_newest_glibc(sections),
        needed=[_text(strings, value) for tag, value in dynamic if tag == _NEEDED],
        exports=_exports(sections),
        nodelete=bool(flags.get(_FLAGS_1, 0) & _NODELETE),
        static_tls=bool(flags.get(_FLAGS, 0) & _STATIC_TLS),
        search_path=any(tag in (_RPATH, _RUNPATH) for tag, _ in dynamic),
    )


@dataclasses.dataclass
class _Section:
    """A section and the strings that it refers to."""

    kind: int
    body: bytes
    strings: bytes = b""


def _sections(content: bytes) -> list[_Section]:
    (offset,) = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    heads = [
        struct.unpack_from("<IIQQQQII", content, offset + size * number) for number in range(count)
    ]
    bodies = [content[head[4] : head[4] + head[5]] for head in heads]
    return [
        _Section(head[1], body, bodies[head[6]] if head[6] < count else b"")
        for head, body in zip(heads, bodies)
    ]


def _newest_glibc(sections: list[_Section]) -> tuple[int, ...]:
    """Two chains: the libraries needed, and for each the versions needed of it."""
    found = [(0,)]
    for section in sections:
        if section.kind != _VERSION_NEEDS:
            continue
        at, more = 0, True
        while more:
            _, count, _, versions, following = struct.unpack_from("<HHIII", section.body, at)
            entry = at + versions
            for _ in range(count):
                name, next_entry = struct.unpack_from("<II", section.body, entry + 8)
                version = _text(section.strings, name)
                if version.startswith("GLIBC_2."):
                    found.append(tuple(map(int, version[len("GLIBC_") :].split("."))))
                entry += next_entry
            at += following
            more = following > 0
    return max(found)


def _exports(sections: list[_Section]) -> list[str]:
    """Names that others can link to: global or weak, and defined here."""
    found = []
    for section in sections:
        if section.kind != _DYNAMIC_SYMBOLS:
            continue
        for at in range(0, len(section.body), 24):
            name, info, _, defined_in = struct.unpack_from("<IBBH", section.body, at)
            if info >> 4 in (1, 2) and defined_in != 0:
                found.append(_text(section.strings, name))
    return sorted(found)


def _text(strings: bytes, offset: int) -> str:
    return strings[offset : strings.index(b"\0", offset)].decode()
