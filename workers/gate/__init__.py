"""Local and learned ranking: whom to ask the model about."""
