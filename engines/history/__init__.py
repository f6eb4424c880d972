"""What was run is kept: a database, its sound beside it, and single files that open elsewhere."""
