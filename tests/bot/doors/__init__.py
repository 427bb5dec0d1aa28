"""The doors out: what a program with a token reads, and what it never does."""
