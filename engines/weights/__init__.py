"""Where model files come from: manifest, fetch, verify, unpack."""
