"""zig and cargo-zigbuild, which link for an older glibc than this machine's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rig import cache, layout

REQUIREMENTS = layout.RIG / "native" / "zig.txt"


class ZigError(Exception):
    """zig cannot be had; the text says why."""


class Zig(NamedTuple):
    """`commands` is the folder with cargo-zigbuild, `program` is zig itself."""

    commands: Path
    program: Path

    def environment(self) -> dict[str, str]:
        """For `cargo zigbuild`; what zig and its wrapper keep stays in our cache."""
        kept = layout.cache_folder() / f"zig-work-{cache.fingerprint(REQUIREMENTS)}"
        return {
            "PATH": f"{self.commands}{os.pathsep}{os.environ['PATH']}",
            "CARGO_ZIGBUILD_ZIG_PATH": str(self.program),
            "CARGO_ZIGBUILD_CACHE_DIR": str(kept / "wrappers"),
            "ZIG_GLOBAL_CACHE_DIR": str(kept / "zig"),
        }


def find() -> Zig:
    """The pinned zig, fetched once with pip; where pip cannot, the machine's own zig."""
    try:
        folder = cache.provide(f"zig-{cache.fingerprint(REQUIREMENTS)}", _fetch)
    except ZigError:
        own, wrapper = shutil.which("zig"), shutil.which("cargo-zigbuild")
        if own is None or wrapper is None:
            raise
        return Zig(Path(wrapper).parent, Path(own))
    return Zig(folder / "bin", folder / "ziglang" / "zig")


def _fetch(folder: Path) -> None:
    print(
        "Fetching zig and cargo-zigbuild with pip (100 MB, once) ...", file=sys.stderr, flush=True
    )
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    command += ["--no-cache-dir", "--require-hashes", "--only-binary", ":all:", "--no-deps"]
    command += ["--no-warn-script-location", "--target", str(folder)]
    done = subprocess.run(
        [*command, "--requirement", str(REQUIREMENTS)],
        # pip must not fill /tmp, which may be small.
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise ZigError(f"pip could not fetch it: {last}")
