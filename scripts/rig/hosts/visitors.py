"""Users whose sessions stay open from the first record to the last, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from rig import job, load, records
from rig.ledger import Account
from rig.records import Acknowledged, Record

USERS = 200
PAUSE_S = 0.5


class Visitors:
    """In each round an event of each user, a second later than the one before."""

    def __init__(self, bootstrap_servers: str):
        self._bootstrap_servers = bootstrap_servers
        # By round, the users in their order.
        self._rounds: list[list[Acknowledged]] = []

    @property
    def sent(self) -> list[Acknowledged]:
        return [each for of_round in self._rounds for each in of_round]

    def go_on(self, rounds: int = 5) -> None:
        for _ in range(rounds):
            ts = load.START_MS + len(self._rounds) * 1000
            events = [
                Record(b"v%d" % user, b'{"uid":"v%d","log_name":"CLICK","ts":%d}' % (user, ts))
                for user in range(USERS)
            ]
            sent = records.send(self._bootstrap_servers, job.INPUT, events, patient=True)
            self._rounds.append(sent)

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """They send all the time of the block."""
        end = threading.Event()

        def send() -> None:
            while not end.wait(PAUSE_S):
                self.go_on(1)

        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send)
            try:
                yield
            finally:
                end.set()
            sending.result()

    def broken_sessions(self, account: Account) -> list[str]:
        """Events whose session is not their user's first one, or that it does not count in turn."""
        found = []
        for user in range(USERS):
            wanted = f"v{user}_{load.START_MS}"
            for number, of_round in enumerate(self._rounds, 1):
                label = json.loads(account.out[of_round[user].origin][-1].value)
                said = label["session_id"], label["seq_in_session"]
                if said != (wanted, number):
                    found.append(f"{said} in place of {wanted}, {number}")
        return found
