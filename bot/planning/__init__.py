"""What is due, and which days a channel is still to get; pure."""
