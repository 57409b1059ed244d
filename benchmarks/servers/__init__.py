"""Installs, starts and stops a real Kafka and a real Redis for benchmarks and tests."""
