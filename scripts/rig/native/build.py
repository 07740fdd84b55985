"""Builds the Rust core as shared libraries and puts them where the jar takes them from.

FOLDER/linux-x86_64/libsession_core.so, FOLDER/linux-aarch_64/libsession_core.so and
FOLDER/build-id.txt and FOLDER/platforms.txt, which --version prints; --describe FILE names what was
built for Maven, which writes it into the manifest.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rig import layout
from rig.native import elf, zig

# What Rust's own standard library asks for; a portable library asks for no more.
OLDEST_GLIBC = (2, 17)
TRIPLES = {
    "linux-x86_64": "x86_64-unknown-linux-gnu",
    "linux-aarch_64": "aarch64-unknown-linux-gnu",
}
LIBRARY = "libsession_core.so"
# The library's own, in rust-core/.
CRATES = ("session", "wire", "bridge")
SOURCES = ("Cargo.toml", "Cargo.lock", *(f"rust-core/{name}" for name in CRATES))
# Debian's second compiler (rustc-web) has an arm64 standard library as a package.
OTHER_RUSTC = "/usr/bin/rustc"
TARGETS = {
    "auto": "each platform whose standard library of Rust is here, for glibc 2.17, linked with zig,"
    " which is fetched with pip; where zig cannot be had, this machine's platform, with a warning",
    "all": "both platforms for glibc 2.17, or a failure",
    "host": "this machine's platform, for this machine's glibc or a newer one",
}


class BuildError(Exception):
    """No library, or not the ones that were asked for; the text says what is missing."""


class Build(NamedTuple):
    """What to build, and where: `folder` is the jar's, `out` is cargo's for a host library."""

    folder: Path
    out: Path
    build_id: str
    features: tuple[str, ...] = ()

    def cargo(self, out: Path, *command: str, **environment: str) -> None:
        """Runs a cargo command on the library; no path of this machine gets into it.

        The workspace's own files are compiled by their relative paths already.
        """
        home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
        options = ["--quiet", "--release", "--locked", "--package", "bridge", "--lib"]
        if self.features:
            options += ["--features", ",".join(self.features)]
        done = subprocess.run(
            ["cargo", *command, *options],
            cwd=layout.PROJECT,
            env={
                **os.environ,
                "CARGO_TARGET_DIR": str(out),
                "CARGO_ENCODED_RUSTFLAGS": f"--remap-path-prefix={home}=cargo",
                "SESSION_CORE_BUILD_ID": self.build_id,
                **environment,
            },
        )
        if done.returncode != 0:
            raise BuildError(f"cargo {command[0]} ended with {done.returncode}")

    def forget_others(self, out: Path, triple: str) -> None:
        """Lets cargo build the project's own crates anew where it built them from other sources.

        Cargo knows a workspace's crates by their paths within it and by their times only: in a
        folder that clones share, it takes what it made of another clone's newer sources for this
        one's. The libraries would then carry this clone's build id, and nobody would notice.
        """
        sources = out / triple / "sources.txt"
        if sources.is_file() and sources.read_text() == self.build_id:
            return
        own = [word for name in CRATES for word in ("--package", name)]
        done = subprocess.run(
            ["cargo", "clean", "--quiet", "--release", "--locked", "--target", triple, *own],
            cwd=layout.PROJECT,
            env={**os.environ, "CARGO_TARGET_DIR": str(out)},
        )
        if done.returncode != 0:
            raise BuildError(f"cargo clean ended with {done.returncode}")
        sources.parent.mkdir(parents=True, exist_ok=True)
        sources.write_text(self.build_id)

    def install(self, library: Path, name: str) -> None:
        _replace(self.folder / name / LIBRARY, library.read_bytes())

    def take_away(self, name: str) -> None:
        """What an earlier build of other targets left."""
        shutil.rmtree(self.folder / name, ignore_errors=True)


def build_portable(build: Build, tools: zig.Zig) -> list[str]:
    """A library for each platform whose standard library is here; names the ones without.

    All clones share cargo's folder, in the cache: what they depend on is compiled once.
    """
    missing = []
    for name, triple in TRIPLES.items():
        compiler = _compiler_with_std(triple)
        if compiler is None:
            build.take_away(name)
            missing.append(name)
            continue
        # Two compilers must not throw out each other's work.
        kept = "cargo-zig" if compiler == "rustc" else "cargo-zig-other-rustc"
        out = layout.cache_folder() / kept
        with _alone(out):
            build.forget_others(out, triple)
            build.install(_linked_by_zig(build, out, compiler, triple, tools), name)
    return missing


def portable(build: Build, tools: zig.Zig, name: str) -> Path | None:
    """One platform's library, in `build.out`; None where Rust's library for it is missing."""
    compiler = _compiler_with_std(TRIPLES[name])
    if compiler is None:
        return None
    return _linked_by_zig(build, build.out, compiler, TRIPLES[name], tools)


def _linked_by_zig(build: Build, out: Path, compiler: str, triple: str, tools: zig.Zig) -> Path:
    glibc = ".".join(map(str, OLDEST_GLIBC))
    environment = tools.environment()
    if compiler != "rustc":
        environment["RUSTC"] = compiler
    build.cargo(out, "zigbuild", "--target", f"{triple}.{glibc}", **environment)
    return out / triple / "release" / LIBRARY


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps another clone from replacing the library between its build and its copy."""
    folder.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_host(build: Build) -> str | None:
    """This machine's library, for its own glibc; None where the job does not run on its kind."""
    own = _host_platform()
    for name in TRIPLES:
        if name != own:
            build.take_away(name)
    if own is not None:
        build.cargo(build.out, "build")
        build.install(build.out / "release" / LIBRARY, own)
    return own


def build_targets(targets: str, build: Build) -> list[str]:
    """Builds what `targets` asks for; returns the warnings."""
    if targets == "host":
        return _host_warnings(build, build_host(build), "-Dnative.targets=host")
    try:
        tools = zig.find()
    except zig.ZigError as error:
        if targets == "all":
            raise BuildError(f"-Dnative.targets=all links with zig, and {error}") from None
        own = build_host(build)
        if own is None:
            raise BuildError(
                f"a jar without a Linux library runs nowhere; it is linked with zig, and {error}."
                " -Dnative.targets=host builds the jar all the same"
            ) from None
        return _host_warnings(build, own, f"zig could not be had ({error})")
    missing = build_portable(build, tools)
    cures = [f"rustup target add {TRIPLES[name]}" for name in missing]
    if missing and (targets == "all" or len(missing) == len(TRIPLES)):
        raise BuildError(
            f"no standard library of Rust for {', '.join(missing)}; {' and '.join(cures)}"
        )
    return [
        f"the jar holds no library for {name}: Rust's standard library for it is missing ({cure})"
        for name, cure in zip(missing, cures)
    ]


def _host_warnings(build: Build, own: str | None, reason: str) -> list[str]:
    if own is None:
        return [f"the jar holds no library and runs nowhere: {reason}"]
    glibc = least_glibc((build.folder / own / LIBRARY).read_bytes())
    return [f"the jar needs {own} and glibc {glibc} or newer on every machine: {reason}"]


def least_glibc(library: bytes) -> str:
    """The oldest glibc that a library runs with."""
    return ".".join(map(str, max(elf.read(library).glibc, OLDEST_GLIBC)))


def describe(folder: Path) -> str:
    """The platforms in a folder, with the glibc that each needs."""
    found = [
        f"{name} (glibc {least_glibc(library.read_bytes())})"
        for name in TRIPLES
        for library in [folder / name / LIBRARY]
        if library.is_file()
    ]
    return ", ".join(found) or "none"


def hash_of_sources() -> str:
    """The build id: the library carries it, and so does the jar; the loader compares."""
    digest = hashlib.sha256()
    for file in sorted(_sources()):
        content = hashlib.sha256((layout.PROJECT / file).read_bytes()).hexdigest()
        digest.update(f"{content}  {file}\n".encode())
    return digest.hexdigest()[:16]


def _sources() -> list[str]:
    found = []
    for name in SOURCES:
        source = layout.PROJECT / name
        if source.is_file():
            found.append(name)
        for top, folders, files in os.walk(source):
            folders[:] = [each for each in folders if each != "tests"]
            found += [
                str(Path(top, file).relative_to(layout.PROJECT))
                for file in files
                if file.endswith(".rs") or file.startswith("Cargo.")
            ]
    return found


def _compiler_with_std(triple: str) -> str | None:
    for compiler in ("rustc", OTHER_RUSTC):
        if shutil.which(compiler) is None:
            continue
        folder = subprocess.run(
            [compiler, "--print", "target-libdir", "--target", triple],
            capture_output=True,
            text=True,
        ).stdout.strip()
        if folder and any(Path(folder).glob("libstd-*")):
            return compiler
    return None


def _host_platform() -> str | None:
    if sys.platform != "linux":
        return None
    return {"x86_64": "linux-x86_64", "aarch64": "linux-aarch_64"}.get(platform.machine())


def _replace(file: Path, content: bytes) -> None:
    """Only what has changed is written: the jar of an unchanged build stays the same."""
    if file.is_file() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def main() -> int:
    options = _parser().parse_args()
    if shutil.which("cargo") is None:
        print(
            "error: cargo was not found. The session core is written in Rust: install the Rust tool"
            " chain (https://rustup.rs, or your distribution's packages rustc and cargo, 1.87 or"
            " newer) and build again.",
            file=sys.stderr,
        )
        return 1
    out = Path(os.environ.get("CARGO_TARGET_DIR", layout.PROJECT / "rust-core" / "target"))
    build = Build(options.folder.absolute(), out.absolute(), hash_of_sources())
    try:
        if options.failing:
            # A folder of its own: the two builds must never overwrite each other's library.
            build_host(build._replace(out=build.out / "failing", features=("failing",)))
            return 0
        warnings = build_targets(options.targets, build)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    platforms = describe(build.folder)
    _replace(build.folder / "build-id.txt", f"{build.build_id}\n".encode())
    _replace(build.folder / "platforms.txt", f"{platforms}\n".encode())
    if options.describe:
        told = [
            f"native.platforms={platforms}",
            f"native.build.id={build.build_id}",
        ]
        if warnings:
            # Maven shows it as the last line of the build.
            told.append(f"native.warning={'; '.join(warnings)}")
        _replace(options.describe, "".join(f"{line}\n" for line in told).encode())
    else:
        for warning in warnings:
            print(f"warning: {warning}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/build-native",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--targets",
        choices=TARGETS,
        default="auto",
        help="; ".join(f"{name}: {what}" for name, what in TARGETS.items()),
    )
    parser.add_argument("--failing", action="store_true", help="the library of the tests")
    parser.add_argument("--describe", type=Path, metavar="FILE")
    return parser
