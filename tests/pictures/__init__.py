"""Pictures of what a chat shows, for README.md: a day, its page and the drawing."""
