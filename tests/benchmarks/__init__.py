"""Benchmarks that anyone can run: ``make bench``. Every speed is a ratio against a named peer, measured in one run."""
