"""Tests of the training of the audio-token family."""
