"""A command in, an answer out, for every platform."""
