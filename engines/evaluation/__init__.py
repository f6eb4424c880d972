"""Metrics and how they are reported."""
