"""Job operations on a cluster: submit, status, stop, upgrade, rescale."""
