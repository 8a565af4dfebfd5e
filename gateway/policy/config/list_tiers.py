"""Tiers of published lists: how many of them a gateway updates, according to its memory. Pure."""

from __future__ import annotations

from enum import StrEnum

AUTO_TIER = "auto"  # word of `lists.tier`: the tier that fits the memory

# The kernel of a router takes some of the memory: one with 128 MB reports about 118 MB, one with 256 MB about
# 240 MB, one with 512 MB about 490 MB.
MEDIUM_FROM = 192 << 20  # bytes of MemTotal
LARGE_FROM = 384 << 20


class ListTier(StrEnum):
    """A set of published lists that fits a router's memory. Each tier includes the smaller ones."""

    SMALL = "small"  # 128 MB
    MEDIUM = "medium"  # 256 MB
    LARGE = "large"  # 512 MB and more

    def includes(self, smallest: ListTier | None) -> bool:
        """Return True if this tier includes a list whose smallest tier is ``smallest`` (None: in no tier)."""
        order = tuple(ListTier)
        return smallest is not None and order.index(smallest) <= order.index(self)


def tier_for_memory(total: int) -> ListTier:
    """Return the tier of lists for a machine with ``total`` bytes of memory; medium if it is unknown (0)."""
    if not total or MEDIUM_FROM <= total < LARGE_FROM:
        return ListTier.MEDIUM
    return ListTier.SMALL if total < MEDIUM_FROM else ListTier.LARGE
