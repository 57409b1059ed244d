"""A real Kafka and a real Redis for the tests: `kafka.py`, `redis.py`; as fixtures: `fixtures.py`."""
