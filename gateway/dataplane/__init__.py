"""Keeps the kernel in step with the household: table, gates, packets, DNS, boot guard."""
