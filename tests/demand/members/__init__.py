"""Tests of the forecasting members, one file per member."""
