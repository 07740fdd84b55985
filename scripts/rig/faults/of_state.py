"""Ways of a job's state: other parallelism, other versions, other jobs in the same cluster."""

from __future__ import annotations

import time

from rig.faults.catalogue import BOTH, fault
from rig.faults.trial import Trial


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
