"""Tests mirror app/, engines/ and export/."""
