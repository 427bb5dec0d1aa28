"""Values of what readers leave behind."""
