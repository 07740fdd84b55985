"""Where things are: in the project, in the cache of fetched parts, in a run folder."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
RIG = PROJECT / "scripts" / "rig"
JAR = PROJECT / "target" / "flink_kafka_dynamic_session_jar-1.0.jar"
JOB_CLASS = "com.main.MobilePcSessionJob"
RUNS = PROJECT / ".run"


def cache_folder() -> Path:
    """The one folder for everything fetched; SESSION_CACHE names another."""
    named = os.environ.get("SESSION_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser().absolute() / "flink-kafka-dynamic-session"
