"""A real Kafka and a real Redis, brought, started and ended: for benchmarks and tests."""
