"""How often what can wait is written: a router's own flash wears out, a disk does not."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.config.config import Flash


@dataclass(frozen=True, slots=True)
class Wear:
    """Seconds, but for ``flush_count``. What a guardian sets or a child is answered never waits."""

    flush_every: float = 30.0  # decisions of the log wait for each other as long
    flush_count: int = 1024  # or until so many different ones wait
    sync_every: float = 10.0  # a power cut may cost counted minutes of as long
    notes_every: float = 900.0  # when devices, sessions and slots were seen last
    purge_every: float = 3600.0  # what is old enough is erased
    guard_every: float = 6 * 3600.0  # where help is, in the boot guard's file


RARELY = Wear(
    flush_every=900.0, flush_count=3072, sync_every=60.0, purge_every=6 * 3600.0, guard_every=24 * 3600.0
)
OFTEN = Wear()


def wear(flash: Flash) -> Wear:
    return RARELY if flash is Flash.POOR else OFTEN
