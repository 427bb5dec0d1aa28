"""What a text means: words to tokens, tokens through a small model to a vector, which is kept."""
