"""Tests of the engines' common parts."""
