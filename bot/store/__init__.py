"""Redis and RQ; the only place that builds a key."""
