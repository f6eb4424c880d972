"""Tests of the latent family."""
