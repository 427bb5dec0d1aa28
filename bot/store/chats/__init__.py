"""What is stored about the chat platforms themselves."""
