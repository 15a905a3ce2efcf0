"""Built-in services in Python: twins of the TypeScript ones, which share their jobs and their cache."""
