"""One call of the core from Java, in nanoseconds, beside the twin's: JMH."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from rich.console import Console

from rig.benchmarks import pipeline, results

LEVEL = "crossing"
# In the order in which a record meets them.
CALLS = {
    "crossing": "a crossing that does nothing else",
    "decode": "decode, by the job",
    "decodeByTwin": "decode, by the twin",
    "step": "step of an event, by the job",
    "stepByTwin": "step of an event, by the twin",
}


def measure(console: Console) -> None:
    """Runs JMH, which starts JVMs of its own, and keeps what it found of each call."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "jmh.json")
        pipeline.java("org.openjdk.jmh.Main", "Crossing", "-rf", "json", "-rff", str(file))
        for run in json.loads(file.read_text()):
            call = run["benchmark"].rpartition(".")[2]
            metric = run["primaryMetric"]
            rounds = [value for fork in metric["rawData"] for value in fork]
            results.append(LEVEL, {"call": call, "ns": metric["score"], "rounds_ns": rounds})
            console.print(f"{CALLS[call]:40} {metric['score']:10.1f} ns")
