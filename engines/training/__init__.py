"""The training bench. Imported by the front ends alone; torch is imported inside functions."""
