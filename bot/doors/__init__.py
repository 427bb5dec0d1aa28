"""Doors out: what people's programs and assistants may read, by HTTP and MCP, with a token."""
