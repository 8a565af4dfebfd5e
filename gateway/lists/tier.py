"""The tier of lists of this gateway, and the memory that an update of the tier needs."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.memory import machine_memory
from gateway.policy.config.list_tiers import ListTier, tier_for_memory

# Bytes of usable memory (`MachineMemory.usable`). An update takes the peak that docs/performance.md names for
# its tier. The rest keeps the kernel from ending the daemon for want of memory.
NEEDED_MEMORY: Mapping[ListTier, int] = {
    ListTier.SMALL: 40 << 20,
    ListTier.MEDIUM: 64 << 20,
    ListTier.LARGE: 160 << 20,
}
NEEDED_FOR_FEED = 40 << 20  # the same for a check of the signed data feed, which has tables of names
# Bytes of a table of the signed data feed. A router may have its state directory in memory.
MAX_TABLE: Mapping[ListTier, int] = {
    ListTier.SMALL: 8 << 20,
    ListTier.MEDIUM: 32 << 20,
    ListTier.LARGE: 64 << 20,
}


def tier_here(configured: ListTier | None) -> ListTier:
    """Return the configured tier (how many lists are used), or the one that fits this machine's memory.

    ``configured`` None: no tier is set (`auto`).
    """
    return configured or tier_for_memory(machine_memory().total)


def memory_shortage(tier: ListTier, available: int, *, has_feed: bool = False) -> str:
    """Return the message that too little memory is available to update the lists; empty if it is enough.

    ``tier``: how many lists are used. ``available``: usable bytes; 0: unknown, and no reason to
    wait. ``has_feed``: the table may come from the signed data feed, so that it is not built here.
    """
    needed = min(NEEDED_MEMORY[tier], NEEDED_FOR_FEED) if has_feed else NEEDED_MEMORY[tier]
    if not 0 < available < needed:
        return ""
    fix = "stop other programs, or turn off lists that you do not need"
    if tier is not ListTier.SMALL:
        fix = "stop other programs, or set a smaller tier in qalqan.yaml: lists: {tier: small}"
    return (
        f"{available >> 20} MB of memory are available, and an update of the tier {tier} needs "
        f"{needed >> 20} MB; {fix}"
    )
