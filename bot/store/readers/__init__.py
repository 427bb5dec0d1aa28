"""Redis: what readers leave behind: votes, saved papers, what they follow, keys and tokens."""
