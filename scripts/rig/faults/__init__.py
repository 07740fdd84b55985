"""Faults done to the real job on a real broker and cluster, each ending with the ledger."""
