"""Redis: what whoever runs Paperboy watches: the ledger of deliveries, counts, troubles."""
