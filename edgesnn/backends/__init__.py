"""Who runs a network: one interface, several executors."""
