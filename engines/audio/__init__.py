"""Decoding, resampling, features and voice activity."""
