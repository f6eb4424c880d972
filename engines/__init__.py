"""What turns speech into results. No Qt; importable and testable alone."""
