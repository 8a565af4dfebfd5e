"""The kernel interface: ruleset, queue, conntrack, counters."""
