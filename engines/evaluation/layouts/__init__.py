"""How published corpora lie on disk: one module for each layout, all giving the same rows."""
