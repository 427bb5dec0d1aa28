"""What the gate and readers' votes have learned, in words and as a plot."""
