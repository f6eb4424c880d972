"""Training of the audio-token family."""
