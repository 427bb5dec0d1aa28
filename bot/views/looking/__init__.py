"""Papers that somebody looks for: near misses, and what a search finds."""
