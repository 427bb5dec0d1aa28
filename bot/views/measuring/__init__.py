"""What the commands say that measure a judge or a profile."""
