"""Measures used minutes: from the kernel's counters to the ledgers of the day."""
