"""Digests as web pages and feeds for any static host; no script, no server, no I/O."""
