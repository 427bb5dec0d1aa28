"""What the workers do for one person who waits, and what comes of it."""
