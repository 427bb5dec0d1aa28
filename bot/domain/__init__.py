"""The values everything passes around: frozen, no I/O."""
