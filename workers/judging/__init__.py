"""Papers to scores: prompts, the model, replies, money."""
