"""Somebody is an adult now: what was kept of the child goes, and cannot be read in the file any more."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.store.store import Store


def let_go(store: Store, profile: str, macs: Collection[str]) -> None:
    """Requests, extra time, codes, pauses, screens, the PIN, times of its own, agreements, cards and the
    whole history of a profile, with what its own devices were given. May be done again. Raises StoreError.
    """
    with store.together():
        store.requests.keep([one for one in store.requests.all() if one.who != profile])
        store.gifts.drop_of((profile, *macs))
        store.tickets.drop_of(profile)
        store.end_pauses((profile, *macs))
        store.uses.drop_where(lambda one: one.who == profile)
        store.pins.forget(profile)
        store.self_set.forget(profile)
        store.agreements.forget(profile)
        store.blank_audit(profile)
    store.erase(profile, counts=True, running=True)
