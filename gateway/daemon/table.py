"""The kernel's table in step with what is wanted: applied, changed by difference, mended, taken away."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from gateway.errors import KernelError
from gateway.kernel import fallback
from gateway.kernel.conntrack import Conntrack
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset import NAME, TABLE, render, render_removal
from gateway.kernel.ruleset_update import (
    needs_rebuild,
    render_alive,
    render_dead,
    render_passes,
    render_update,
)
from gateway.kernel.snapshot import PassElement, Snapshot
from gateway.kernel.usage import PassCounters
from gateway.kernel.watch import Watch
from gateway.loop import Loop, Timer

ALIVE_PERIOD = 1.0  # seconds; a third of the lease
MEND_DELAY = 0.2  # seconds; who flushes a ruleset loads another right after it

_log = logging.getLogger(__name__)


class KernelTable:
    """Owns table ``inet qalqan``, the fallback's chains, and our bits in the connection table."""

    def __init__(self, loop: Loop, snapshot: Snapshot) -> None:
        """Puts the table in place. Raises KernelError where it cannot be."""
        self._loop = loop
        self._nft = Nft()
        native = fallback.native_queue(self._nft)
        self.snapshot = replace(snapshot, native=native)
        layout = snapshot.layout
        self._iptables = None if native else fallback.IptablesQueue(layout, snapshot.queue_base, snapshot.lan)
        tables = {("inet", NAME)} | (set() if native else set(fallback.TABLES))
        self._watch = Watch(frozenset(tables))
        self._counters = PassCounters(layout)
        self.conntrack = Conntrack()
        self._used: dict[tuple[int, int], int] = {}
        self.mends = 0
        self._mending: Timer | None = None
        self._alive: Timer | None = None
        self.conntrack.clear(layout)
        self._install()
        loop.on_readable(self._watch, self._touched)

    @property
    def backend(self) -> str:
        return "nft queue" if self._iptables is None else "iptables-nft queue"

    def start_alive(self) -> None:
        """From now on open profiles are asked about; call it when the queues are bound."""
        with self._watch.ours():
            self._nft.apply(render_alive())
        self._alive = self._loop.call_later(ALIVE_PERIOD, self.start_alive)

    def _install(self) -> None:
        with self._watch.ours():
            self._nft.apply(render(self.snapshot))
        if self._iptables is not None:
            with self._watch.ours():
                self._iptables.install()

    def update(self, snapshot: Snapshot) -> None:
        """Make the table say ``snapshot``; its ``native`` is ours to know."""
        new = replace(snapshot, native=self.snapshot.native)
        old = self.snapshot
        if new == old:
            return
        if needs_rebuild(old, new):
            self._count_up()
            text = render(new)
        elif replace(old, passes=()) == replace(new, passes=()):
            changed = set(old.passes) ^ set(new.passes)
            self._count_up(changed)
            text = render_passes(
                new, removed=set(old.passes) - set(new.passes), added=set(new.passes) - set(old.passes)
            )
        else:
            self._count_up(set(old.passes) ^ set(new.passes))
            text = render_update(old, new)
        with self._watch.ours():
            self._nft.apply(text)
        self.snapshot = new

    def renew(self, elements: Iterable[PassElement]) -> None:
        """Begin the leases of these elements anew; what they counted is kept here."""
        elements = tuple(elements)
        if not elements:
            return
        self._count_up(elements)
        with self._watch.ours():
            self._nft.apply(render_passes(self.snapshot, removed=elements, added=elements))

    def used(self) -> dict[tuple[int, int], int]:
        """Bytes by (slot, class) since the start."""
        total = dict(self._used)
        for key, usage in self._counters.read().items():
            total[key] = total.get(key, 0) + usage.bytes
        return total

    def _count_up(self, elements: Iterable[PassElement] | None = None) -> None:
        """Keep what elements counted that are about to begin at zero."""
        keys = None if elements is None else {(e.slot, e.class_number) for e in elements}
        if keys is not None and not keys:
            return
        for key, usage in self._counters.read().items():
            if keys is None or key in keys:
                self._used[key] = self._used.get(key, 0) + usage.bytes

    def _touched(self) -> None:
        if self._watch.changed() and self._mending is None:
            self._mending = self._loop.call_later(MEND_DELAY, self._mend)

    def _mend(self) -> None:
        self._mending = None
        self.mends += 1
        _log.warning("another program changed our table; it is put in order again")
        try:
            if not self._nft.exists(TABLE) or not self._refill():
                self._install()
            if self._iptables is not None and not self._iptables.intact():
                with self._watch.ours():
                    self._iptables.install()
            with self._watch.ours():
                self._nft.apply(render_alive())
        except KernelError as error:
            _log.error("%s; tried again in a second", error)
            self._mending = self._loop.call_later(1.0, self._mend)

    def _refill(self) -> bool:
        """Mend the rules alone, so that no running flow is cut; False where more than rules is gone."""
        try:
            with self._watch.ours():
                self._nft.apply(render_update(self.snapshot, self.snapshot))
        except KernelError:
            return False
        return True

    def close(self) -> None:
        """Leave nothing behind: no table, no chain, none of our bits in the connection table."""
        self._loop.forget(self._watch)
        for timer in (self._alive, self._mending):
            if timer is not None:
                timer.cancel()
        self._nft.apply(render_removal())
        if self._iptables is not None:
            self._iptables.remove()
        self.conntrack.clear(self.snapshot.layout)
        self.conntrack.close()
        self._counters.close()
        self._watch.close()
        self._nft.close()

    def stop_asking(self) -> None:
        """A clean stop begins: open profiles pass from now on."""
        with self._watch.ours():
            self._nft.apply(render_dead())
