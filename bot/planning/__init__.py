"""What is due, pure."""
