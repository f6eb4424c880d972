"""Tests of real windows."""
