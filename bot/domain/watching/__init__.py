"""What whoever runs Paperboy watches: the ledger of deliveries, figures, troubles; no I/O."""
