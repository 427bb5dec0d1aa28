"""Papers to people's Zotero libraries: the API, and what it is asked for one person."""
