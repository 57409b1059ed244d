"""A real Kafka and a real Redis (`benchmarks.servers`) as fixtures of all tests: `fixtures.py`."""
