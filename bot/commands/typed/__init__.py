"""What people type, understood: options, words in other words, sentences; pure."""
