"""Failure-detector models: pure functions."""
