"""How often deferred writes go to disk: less often on the flash memory of a router, which wears out."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.config.config import Flash


@dataclass(frozen=True, slots=True)
class Wear:
    """How often data that can wait is written to disk: intervals in seconds, and the rows in a batch.

    Less often (RARELY) on a router's poor flash memory. Changes by a guardian and answers to a
    child's requests are written immediately on any machine.
    """

    flush_every: float = 30.0  # decisions are written in batches of this interval
    flush_count: int = 1024  # or as soon as this many distinct rows wait
    sync_every: float = 10.0  # a power cut loses at most the counted minutes of this interval
    notes_every: float = 900.0  # last use of devices, sessions and slots
    purge_every: float = 3600.0  # erasing of old rows
    guard_every: float = 6 * 3600.0  # addresses of help lines, in the file of the boot guard


RARELY = Wear(
    flush_every=900.0, flush_count=3072, sync_every=60.0, purge_every=6 * 3600.0, guard_every=24 * 3600.0
)
OFTEN = Wear()


def wear(flash: Flash) -> Wear:
    return RARELY if flash is Flash.POOR else OFTEN
