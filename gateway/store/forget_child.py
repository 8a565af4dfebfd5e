"""Erases the data of a child that has become an adult, beyond recovery from the file."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.store.store import Store


def erase_child(store: Store, profile: str, macs: Collection[str]) -> None:
    """Erase all stored data of a profile and the extra time of its devices ``macs``. Idempotent.

    That is requests, extra time, codes, pauses, uses of shared devices, the PIN, self-set times, agreements,
    cards and the whole history. Raises StoreError.
    """
    with store.transaction():
        store.requests.keep([request for request in store.requests.all() if request.who != profile])
        store.gifts.drop_of((profile, *macs))
        store.tickets.drop_of(profile)
        store.end_pauses((profile, *macs))
        store.uses.drop_where(lambda use: use.who == profile)
        store.pins.forget(profile)
        store.self_set.forget(profile)
        store.agreements.forget(profile)
        store.blank_audit(profile)
    store.erase(profile, counts=True, running=True)
