"""How any value lies in Redis: its form and version, what is done with one that cannot be read, and
the lease that lets one process at a time write."""
