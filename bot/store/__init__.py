"""Redis and RQ, a module for each kind of thing stored; only this folder builds Redis keys."""
