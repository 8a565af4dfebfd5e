"""Subscriptions to Web Push: browsers that show messages also while the pages are closed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MOST_OF_A_PERSON = 6  # browsers; the oldest is removed


@dataclass(frozen=True, slots=True)
class PushSubscription:
    """A browser's Web Push subscription: where messages are sent, and the keys that encrypt them.

    All three are secret. It is a guardian's, or a child's on the device ``device``.
    """

    endpoint: str
    p256dh: str  # the browser's public key
    auth: str
    language: str = ""
    guardian: str = ""  # empty: a child's
    profile: str = ""  # the child's profile id; empty: a guardian's
    device: str = ""  # MAC address; another child's device gets none of this child's messages
