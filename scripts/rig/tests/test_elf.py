"""What is read from a shared library is what its linker was told."""

from __future__ import annotations

import platform
import subprocess

import pytest

from rig.native import build, elf

SOURCE = """\
#include <stdlib.h>
int shown(void) { return (int)strtol("1", 0, 10); }
static int hidden(void) { return 1; }
int (*keep)(void) = hidden;
"""


def compiled(folder, *flags):
    (folder / "library.c").write_text(SOURCE)
    library = folder / "library.so"
    command = ["cc", "-shared", "-fPIC", "-o", library, folder / "library.c", *flags]
    subprocess.run(command, check=True)
    return library.read_bytes()


def test_a_plain_library(tmp_path):
    library = elf.read(compiled(tmp_path))
    assert library.platform == f"linux-{platform.machine().replace('aarch64', 'aarch_64')}"
    assert "libc.so.6" in library.needed
    assert {"shown", "keep"} <= set(library.exports)
    assert "hidden" not in library.exports
    assert "strtol" not in library.exports
    assert library.glibc >= (2, 2)
    assert not library.nodelete
    assert not library.static_tls
    assert not library.search_path


def test_what_a_linker_is_told(tmp_path):
    library = elf.read(compiled(tmp_path, "-Wl,-z,nodelete", "-Wl,-rpath,/opt/x"))
    assert library.nodelete
    assert library.search_path


def test_the_newest_version_of_many(tmp_path):
    (tmp_path / "names.c").write_text(
        '__asm__(".symver getrandom,getrandom@GLIBC_2.25");'
        "int getrandom(void *, unsigned long, unsigned); int f(void) { return getrandom(0, 0, 0); }"
    )
    library = tmp_path / "names.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "names.c"], check=True)
    assert elf.read(library.read_bytes()).glibc == (2, 25)
    assert build.least_glibc(library.read_bytes()) == "2.25"


def test_no_version_is_older_than_rusts_own(tmp_path):
    assert (
        build.least_glibc(compiled(tmp_path, "-nostdlib", "-Wl,--allow-shlib-undefined")) == "2.17"
    )


def test_what_is_no_library():
    with pytest.raises(elf.ElfError):
        elf.read(b"#!/bin/sh\n")
