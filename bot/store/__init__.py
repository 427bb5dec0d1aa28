"""Redis and RQ, one module for each noun; the only folder that builds Redis keys."""
