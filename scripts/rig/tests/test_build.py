"""Clones that share cargo's folder get each their own library."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rig import layout
from rig.native.build import CRATES, LIBRARY, Build


def clone(folder: Path, word: str, at_s: float) -> Path:
    """A project of the same crates, in which wire says the word; its files are that old."""
    for name in CRATES:
        source = folder / "rust-core" / name / "src" / "lib.rs"
        source.parent.mkdir(parents=True)
        source.write_text("")
        manifest = f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"\n'
        (folder / "rust-core" / name / "Cargo.toml").write_text(manifest)
    (folder / "Cargo.toml").write_text('[workspace]\nmembers = ["rust-core/*"]\nresolver = "2"\n')
    wire = folder / "rust-core" / "wire" / "src" / "lib.rs"
    wire.write_text(f'#[no_mangle]\npub static WORD: [u8; {len(word)}] = *b"{word}";\n')
    bridge = folder / "rust-core" / "bridge"
    (bridge / "src" / "lib.rs").write_text(
        '#[no_mangle]\npub extern "C" fn word() -> u8 {\n    wire::WORD[0]\n}\n'
    )
    with (bridge / "Cargo.toml").open("a") as manifest:
        manifest.write(
            '[lib]\nname = "session_core"\ncrate-type = ["cdylib"]\n'
            '[dependencies]\nwire = { path = "../wire" }\n'
        )
    subprocess.run(["cargo", "generate-lockfile", "--quiet", "--offline"], cwd=folder, check=True)
    for each in folder.rglob("*"):
        os.utime(each, (at_s, at_s))
    return folder


def build(project: Path, out: Path, triple: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(layout, "PROJECT", project)
    one = Build(project / "native", out, build_id=project.name)
    one.forget_others(out, triple)
    one.cargo(out, "build", "--target", triple)
    return (out / triple / "release" / LIBRARY).read_bytes()


def test_a_clone_does_not_get_the_library_of_another(tmp_path, monkeypatch):
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    triple = told.partition("host: ")[2].split()[0]
    # Both are older than what is built of them, so that their times tell cargo nothing.
    first = clone(tmp_path / "first", "word-of-the-first", 1_700_000_000)
    second = clone(tmp_path / "second", "word-of-the-second", 1_700_000_000)
    out = tmp_path / "target"
    for project in (first, second, first):
        library = build(project, out, triple, monkeypatch)
        for each in (first, second):
            assert (f"word-of-the-{each.name}".encode() in library) == (each == project)
