"""The real parts the scripts run on: a Kafka broker, a Flink cluster, the job's jar, the ledger."""
