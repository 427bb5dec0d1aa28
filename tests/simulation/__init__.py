"""A whole installation in one process, on a clock of its own, with all that may go wrong."""
