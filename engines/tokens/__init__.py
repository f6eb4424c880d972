"""The audio-token family: speech as units of the language model's own vocabulary, in and out."""
