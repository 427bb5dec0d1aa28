"""Discord's edge."""
