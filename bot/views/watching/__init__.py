"""Words for whoever runs Paperboy: checks, the ledger of deliveries, troubles."""
