"""What a person touches: the window and the command line. Qt lives here and nowhere else."""
