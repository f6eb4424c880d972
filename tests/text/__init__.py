"""Tests of the text-based engines."""
