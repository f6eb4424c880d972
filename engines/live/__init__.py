"""Live: speech as it is spoken, through every engine at once, with words that never change once they are final."""
