"""Tests of the audio-token family."""
