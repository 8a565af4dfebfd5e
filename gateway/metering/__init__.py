"""Used minutes: from the counters of the kernel to the ledgers of the day."""
