"""arXiv's conventions, pure."""
