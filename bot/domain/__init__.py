"""The values that everything passes around: frozen, no I/O."""
