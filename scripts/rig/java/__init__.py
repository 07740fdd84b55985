"""Javas other than this machine's, and the simple test on a cluster of each."""
