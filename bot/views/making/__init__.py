"""What is said while a profile is drafted, tried and changed."""
