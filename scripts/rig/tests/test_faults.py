"""What is found out of a fault that does not go as it should."""

from __future__ import annotations

import dataclasses

from rig.faults.catalogue import FAULTS
from rig.faults.main import inflict
from rig.ledger import Account
from rig.records import Acknowledged, Origin


class TrialWithoutOutput:
    """Stands for a trial of one record that never came out."""

    def account(self, patience_s: float) -> Account:
        account = Account()
        account.enter_in([Acknowledged.of(Origin("log-before", 0, 0), b"{}")])
        return account


def test_the_ledger_is_kept_where_the_fault_did_not_go_as_it_should():
    def never_restarted(_):
        raise AssertionError("no send failed, so nothing was tried")

    fault = dataclasses.replace(FAULTS["broker-killed-5s"], inflict=never_restarted)
    account, failure = inflict(fault, TrialWithoutOutput())
    assert len(account.differences()["missing"]) == 1
    assert failure == "AssertionError: no send failed, so nothing was tried; 1 missing"


def test_a_ledger_that_cannot_be_kept_is_told():
    fault = dataclasses.replace(FAULTS["broker-killed-5s"], inflict=lambda _: None)
    account, failure = inflict(fault, None)
    assert account is None
    assert failure.startswith("no ledger: AttributeError")
