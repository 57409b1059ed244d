"""Tests of the demand models."""
