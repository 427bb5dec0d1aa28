"""Fuzzing of everything that comes from outside: `make fuzz`, and a part of it in the suite."""
