"""What votes taught, in words, and the gate's plot."""
