"""Tests of the detectors, the life cycle of problems and their severity."""
