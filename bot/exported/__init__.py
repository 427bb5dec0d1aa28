"""What programs read: JSON made of digests, answers to `/why` and searches; its names are kept."""
