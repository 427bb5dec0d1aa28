"""Topic profiles: find, validate, edit."""
