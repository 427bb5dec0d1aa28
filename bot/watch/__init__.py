"""What is watched: what subscriptions are owed, figures, metrics and troubles."""
