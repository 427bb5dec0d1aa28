"""The terminal's edge, and files: digests as JSON and Markdown."""
