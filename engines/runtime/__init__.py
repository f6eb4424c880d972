"""ONNX Runtime sessions and providers, and decoding with a key-value cache."""
