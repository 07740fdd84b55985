"""The job beside its peers: what each run measures, and the report."""
