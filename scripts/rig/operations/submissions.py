"""What was submitted, kept so that it can be submitted again: jar, options, parallelism, state."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from rig import checks

JARS_KEPT = 3


class SubmissionError(Exception):
    """A jar is missing, or refuses its options."""


@dataclasses.dataclass(frozen=True)
class Submission:
    """`parallelism` None takes the cluster's default."""

    jar: str
    arguments: list[str]
    parallelism: int | None = None

    def changed(self, **fields: object) -> Submission:
        """A copy with the fields that are not None."""
        given = {name: value for name, value in fields.items() if value is not None}
        return dataclasses.replace(self, **given)

    def job_name(self) -> str:
        """The name the job will have; the jar itself says it, with all its defaults."""
        if not Path(self.jar).is_file():
            raise SubmissionError(f"{self.jar} is not there; build it with: mvn package")
        done = subprocess.run(
            [checks.java(), "-jar", self.jar, *self.arguments, "--print-config"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        for line in done.stdout.splitlines():
            if line.startswith("job-name="):
                return line.partition("=")[2]
        raise SubmissionError(
            f"{self.jar} refuses its options:\n{done.stdout}{done.stderr}".rstrip()
        )


@dataclasses.dataclass(frozen=True)
class Submitted:
    """A submission that became a job; `savepoint` is where it was stopped, once it was."""

    submission: Submission
    job_id: str
    savepoint: str | None = None


class Submissions:
    """The submissions of one job name, the last one last, and copies of their jars."""

    def __init__(self, home: Path, job_name: str):
        self._folder = home / job_name
        self._file = self._folder / "submissions.json"

    def all(self) -> list[Submitted]:
        try:
            entries = json.loads(self._file.read_text())
        except FileNotFoundError:
            return []
        return [Submitted(Submission(**entry.pop("submission")), **entry) for entry in entries]

    def last(self) -> Submitted | None:
        return (self.all() or [None])[-1]

    def keep_jar(self, submission: Submission) -> Submission:
        """The submission with a copy of its jar, which the next build does not overwrite."""
        jar = Path(submission.jar)
        digest = hashlib.sha256(jar.read_bytes()).hexdigest()[:12]
        copy = self._folder / "jars" / f"{digest}.jar"
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            partial = copy.with_suffix(".partial")
            shutil.copyfile(jar, partial)
            partial.rename(copy)
        return submission.changed(jar=str(copy))

    def add(self, submitted: Submitted) -> None:
        entries = [*self.all(), submitted]
        self._write(entries)
        # Only now: a jar that is kept before its job is submitted stands in no entry yet.
        recent = list(dict.fromkeys(each.submission.jar for each in reversed(entries)))[:JARS_KEPT]
        for jar in (self._folder / "jars").glob("*.jar"):
            if str(jar) not in recent:
                jar.unlink()

    def stopped(self, job_id: str, savepoint: str) -> None:
        """Notes where a job was stopped."""
        self._write(
            [
                dataclasses.replace(each, savepoint=savepoint) if each.job_id == job_id else each
                for each in self.all()
            ]
        )

    def _write(self, entries: list[Submitted]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps([dataclasses.asdict(each) for each in entries], indent=2))
        partial.replace(self._file)


def default_home() -> Path:
    """Where submissions are kept; SESSION_SUBMISSIONS names another folder."""
    named = os.environ.get("SESSION_SUBMISSIONS")
    return Path(named or "~/.local/share/flink-kafka-dynamic-session").expanduser().absolute()
