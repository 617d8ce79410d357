"""mjlab on a CPU: what it takes, and what is recorded."""
