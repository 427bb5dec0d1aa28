"""What people leave behind for themselves, in words: what they follow, and what they are told."""
