"""Ways of a job's state: other parallelism, other versions, other jobs in the same cluster."""

from __future__ import annotations

import time

from rig import golden, records
from rig.faults.catalogue import BOTH, EXACTLY_ONCE, fault
from rig.faults.trial import Trial

# The kind of kept savepoint.
GOLDEN = "arrival"


@fault("parallelism 1, 2, 4, 3 by savepoints, with open sessions", deliveries=BOTH)
def rescaled(trial: Trial) -> None:
    trial.make_topics()
    trial.submit(parallelism=1)
    with trial.under_load(90):
        for parallelism in (2, 4, 3):
            time.sleep(10)
            trial.strike(f"stopped with a savepoint for parallelism {parallelism}")
            savepoint = trial.rest.stop_with_savepoint(trial.job_id)
            trial.lift("submitting")
            trial.submit(from_savepoint=savepoint, parallelism=parallelism)


@fault(
    "the savepoint of an earlier release restored, its sessions open", deliveries=(EXACTLY_ONCE,)
)
def savepoint_of_an_earlier_release(trial: Trial) -> None:
    [place, *_] = [each for each in golden.saved() if each.name == GOLDEN]
    # The savepoint names the partitions it read.
    trial.name_topics(golden.topics(GOLDEN))
    trial.make_topics(partitions=golden.PARTITIONS)
    trial.send(golden.before())
    records.send(trial.broker.bootstrap_servers, trial.output, golden.written(place))
    trial.strike(f"submitted from the savepoint of {place.parent.name}")
    trial.submit(from_savepoint=place.as_uri())
    trial.lift("submitted")
    trial.send(golden.after())
    with trial.under_load(30):
        pass
    assert trial.restarts() == 0, "the job restarted"
