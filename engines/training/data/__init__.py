"""Training data: text, voices, augmentation, corpora on disk and the encoder's features of them."""
