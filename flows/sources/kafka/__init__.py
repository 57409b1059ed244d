"""Kafka topics as input: what is there, how it is read, and how it becomes batches with watermarks."""
