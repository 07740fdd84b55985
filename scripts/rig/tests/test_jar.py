"""A jar whose library does not run on every host is told from one whose library does."""

from __future__ import annotations

import subprocess
import zipfile

from rig import jar, layout
from rig.native import build, elf

OLD = "int Java_com_main_core_call(void) { return 0; }"
NEW = (
    '__asm__(".symver getrandom,getrandom@GLIBC_2.25");'
    "int getrandom(void *, unsigned long, unsigned);"
    "int Java_com_main_core_call(void) { return getrandom(0, 0, 0); }"
)


def library(folder, source, *flags):
    (folder / "library.c").write_text(source)
    command = ["cc", "-shared", "-fPIC", "-o", folder / "library.so", folder / "library.c", *flags]
    subprocess.run(command, check=True)
    return (folder / "library.so").read_bytes()


def problems(folder, content, targets="auto", told=None):
    platform = elf.read(content).platform
    told = told or f"{platform} (glibc {build.least_glibc(content)})"
    file = folder / "some.jar"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(
            "META-INF/MANIFEST.MF",
            f"Main-Class: {layout.JOB_CLASS}\r\nNative-Build-Id: 1\r\n"
            f"Native-Platforms: {told[:20]}\r\n {told[20:]}\r\nNative-Targets: {targets}\r\n",
        )
        made.writestr("native/build-id.txt", "1\n")
        made.writestr("native/platforms.txt", f"{told}\n")
        made.writestr(f"native/{platform}/libsession_core.so", content)
    return list(jar.problems(file))


def test_a_library_for_any_host(tmp_path):
    assert problems(tmp_path, library(tmp_path, OLD, "-Wl,-z,nodelete")) == []


def test_a_newer_glibc_is_a_problem_unless_built_for_the_host(tmp_path):
    content = library(tmp_path, NEW, "-Wl,-z,nodelete")
    (problem,) = problems(tmp_path, content)
    assert "needs GLIBC_2.25, newer than 2.17" in problem
    assert problems(tmp_path, content, targets="host") == []


def test_a_manifest_that_promises_too_much(tmp_path):
    content = library(tmp_path, NEW, "-Wl,-z,nodelete")
    platform = elf.read(content).platform
    manifest, platforms = problems(tmp_path, content, "host", told=f"{platform} (glibc 2.17)")
    assert "(glibc 2.17) and the jar holds" in manifest
    assert platforms.startswith("native/platforms.txt does not name")


def test_a_platform_that_is_missing(tmp_path):
    content = library(tmp_path, OLD, "-Wl,-z,nodelete")
    (problem,) = problems(tmp_path, content, targets="all")
    assert problem == "built for all platforms, and one is missing"


def test_a_library_that_may_be_unmapped(tmp_path):
    (problem,) = problems(tmp_path, library(tmp_path, OLD))
    assert "no NODELETE" in problem


def test_a_library_with_more_to_call_than_the_shim_has(tmp_path):
    more = OLD + " int session_core_open(void) { return 0; }"
    (problem,) = problems(tmp_path, library(tmp_path, more, "-Wl,-z,nodelete"))
    assert "exports session_core_open" in problem
