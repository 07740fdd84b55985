"""A Flink standalone session cluster, its REST API and its command line."""
