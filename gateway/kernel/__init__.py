"""The kernel's side: ruleset, queue, conntrack, counters."""
