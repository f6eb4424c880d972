"""Text-based integration: the language model reads and writes words."""
