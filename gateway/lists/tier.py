"""The tier of lists of this gateway: as configured, or according to the memory of the machine."""

from __future__ import annotations

from gateway.core.memory import machine_memory
from gateway.policy.config.list_tiers import ListTier, tier_for_memory


def tier_here(configured: ListTier | None) -> ListTier:
    """Return the configured tier, or the one that fits this machine's memory if none is (`auto`)."""
    return configured or tier_for_memory(machine_memory().total)
