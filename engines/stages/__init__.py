"""What engines of every family do alike: share work, listen, speak, and put texts and results together."""
