"""The terminal's edge, and files."""
