"""What goes wrong, by what it befalls: a module for each, with the kinds that it knows."""
