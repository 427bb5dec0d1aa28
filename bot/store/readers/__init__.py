"""What readers leave behind, by person: votes and what they teach."""
