"""Worker processes and the embedded server."""
