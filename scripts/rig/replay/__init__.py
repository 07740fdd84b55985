"""session-replay: built where it is missing or older than its sources, without compiling RocksDB.

RocksDB's project publishes its library, C interface included, in the jar for Java. It is the
version that the crate `rocksdb` brings along; compiling that takes twenty CPU minutes.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

from rig import cache, layout, parts

MANIFEST = layout.PROJECT / "rust-core" / "replay" / "Cargo.toml"
PARTS = layout.RIG / "replay"
LIBCLANG = PARTS / "libclang.txt"
ROCKSDB = PARTS / "rocksdb.sha256"
SOURCES = [MANIFEST.parent, layout.PROJECT / "rust-core" / "wire", MANIFEST.parents[1] / "session"]


def program() -> Path:
    """Where the program is, or will be, built."""
    return _target() / "release" / "session-replay"


def is_built() -> bool:
    """Whether the program is there and as new as its sources."""
    if not program().exists():
        return False
    built = program().stat().st_mtime
    files = [file for folder in SOURCES for file in folder.rglob("*") if file.is_file()]
    return all(file.stat().st_mtime <= built for file in files if "tests" not in file.parts)


def build(say: parts.Say = lambda note: None) -> None:
    """Builds the program."""
    parts.run(["cargo", *cargo("build", "--quiet")], env=environment(say), cwd=layout.PROJECT)


def cargo(command: str, *words: str) -> list[str]:
    """A cargo command on the crate: always the release profile, so that little is built twice."""
    return [command, "--manifest-path", str(MANIFEST), "--locked", "--release", *words]


def environment(say: parts.Say = lambda note: None) -> dict[str, str]:
    """What cargo needs to build the crate, but for its own means."""
    rocksdb = cache.provide(_name("rocksdb", ROCKSDB), lambda folder: _fetch_rocksdb(folder, say))
    libclang = cache.provide(
        _name("libclang", LIBCLANG), lambda folder: _fetch_libclang(folder, say)
    )
    compiler = subprocess.run(
        ["cc", "-print-file-name=include"], stdout=subprocess.PIPE, text=True, check=True
    )
    return {
        **os.environ,
        "CARGO_TARGET_DIR": str(_target()),
        "ROCKSDB_LIB_DIR": str(rocksdb),
        # The library is found where it lies, also by the program itself.
        "RUSTFLAGS": f"-C link-arg=-Wl,-rpath,{rocksdb}",
        "LIBCLANG_PATH": str(libclang),
        # libclang alone brings no headers of its own; the compiler's serve.
        "BINDGEN_EXTRA_CLANG_ARGS": f"-isystem{compiler.stdout.strip()}",
    }


def _target() -> Path:
    # Kept outside the project: a second clone builds on what the first has built.
    return layout.cache_folder() / "replay-target"


def _name(part: str, source: Path) -> str:
    return f"{part}-{cache.fingerprint(source, platform.machine())}"


def _fetch_libclang(folder: Path, say: parts.Say) -> None:
    say("fetching libclang, 25 MB, with pip")
    parts.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        + ["--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        + ["--requirement", str(LIBCLANG), "--dest", str(folder)]
    )
    wheel = next(folder.glob("*.whl"))
    _unpack(wheel, "clang/native/libclang.so", folder / "libclang.so")
    wheel.unlink()


def _fetch_rocksdb(folder: Path, say: parts.Say) -> None:
    say("fetching RocksDB, 92 MB, with Maven")
    expected, artifact = ROCKSDB.read_text().split()
    parts.run(
        ["mvn", "--batch-mode", "--quiet", f"{parts.DEPENDENCY_PLUGIN}:copy"]
        + [f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    )
    jar = next(folder.glob("*.jar"))
    if hashlib.sha256(jar.read_bytes()).hexdigest() != expected:
        raise parts.PartError(f"{jar.name} is not the one of {ROCKSDB.name}")
    name = {"x86_64": "linux64", "aarch64": "linux-aarch64"}.get(platform.machine())
    if name is None:
        raise parts.PartError(f"RocksDB is not published for {platform.machine()} this way")
    _unpack(jar, f"librocksdbjni-{name}.so", folder / "librocksdb.so")
    jar.unlink()


def _unpack(archive: Path, ending: str, target: Path) -> None:
    """Writes the one file of a zip archive whose name ends so."""
    with zipfile.ZipFile(archive) as content:
        (member,) = (each for each in content.namelist() if each.endswith(ending))
        target.write_bytes(content.read(member))
