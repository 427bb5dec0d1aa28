"""What runs in the bot's event loop."""
