"""Asking arXiv and reading its documents."""
