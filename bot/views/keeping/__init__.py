"""What people keep and leave behind, in words: saved papers, files of
them, the best, all of one's own."""
