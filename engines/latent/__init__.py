"""The latent-representation-based family: the language model reads continuous vectors of a speech encoder."""
