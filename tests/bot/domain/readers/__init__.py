"""What people leave behind: the values."""
