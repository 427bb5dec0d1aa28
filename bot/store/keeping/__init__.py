"""All keys at once: taken along, put back, forgotten."""
