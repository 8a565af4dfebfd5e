"""Measures the minutes that devices use of time limits, from the kernel's byte counters to daily ledgers."""
