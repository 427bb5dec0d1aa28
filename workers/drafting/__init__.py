"""Drafting a profile: what is known of somebody's work, gathered and made a profile."""
