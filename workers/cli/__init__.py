"""The `paperboy` command."""
