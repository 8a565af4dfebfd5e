"""The kernel's table in step with what is wanted: applied, changed by difference, mended, taken away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import replace
from functools import cached_property

from gateway.core.errors import KernelError
from gateway.core.loop import Loop, Timer
from gateway.dataplane import unjudged as unseen
from gateway.kernel import fallback
from gateway.kernel.conntrack import Conntrack
from gateway.kernel.flowtable import has_flow_tables
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.table import NAME, TABLE, render, render_removal
from gateway.kernel.ruleset.update import (
    needs_rebuild,
    render_alive,
    render_flows_ended,
    render_new_flow_table,
    render_owners,
    render_passes,
    render_repair,
    render_reset_rates,
    render_update,
)
from gateway.kernel.snapshot import PassElement, Snapshot
from gateway.kernel.totals import Pair, Totals
from gateway.kernel.usage import PassCounters
from gateway.kernel.watch import Watch

ALIVE_PERIOD = 1.0  # seconds; a third of the lease
MEND_DELAY = 0.2  # seconds; who flushes a ruleset loads another right after it
MEND_AGAIN = 1.0  # seconds after a mending that failed
MANY = 500  # elements; the kernel has no room to tell what more of them had counted when they went

_log = logging.getLogger(__name__)


class KernelTable:
    """Owns table ``inet qalqan`` and our bits in the connection table."""

    def __init__(
        self,
        loop: Loop,
        snapshot: Snapshot,
        slots: Callable[[], unseen.Slots],
        left_behind: Callable[[], str] = str,
        *,
        conntrack: Conntrack | None = None,
    ) -> None:
        """Changes nothing yet; see ``install``. Raises KernelError where no table can be loaded.

        ``snapshot`` is bare: interfaces, marks, queues, which stay as they are for the daemon's life.
        ``slots``: whose the addresses of the LAN are now, to find connections that nobody has judged.
        ``left_behind``: the table that takes the place of ours when we go; empty where none does.
        """
        self._loop = loop
        self._slots = slots
        self._left_behind = left_behind
        self._nft = Nft()
        native = fallback.native_queue(self._nft)
        self.snapshot = replace(snapshot, native=native)
        layout = snapshot.layout
        self._targets = None if native else fallback.TargetQueue(snapshot.queue_base)
        self._counters = PassCounters(layout)
        self._totals = Totals(self._counters)
        self._watch = Watch(frozenset({("inet", NAME)}), self._totals.ended)
        self.conntrack = conntrack or Conntrack()
        self.found: Mapping[Pair, int] = {}  # what a table had counted that was there before us
        self.mends = 0
        self._mending: Timer | None = None
        self._alive: Timer | None = None
        self._installed = False
        self._flows_dropped = False

    @property
    def backend(self) -> str:
        return "nft queue" if self._targets is None else "NFQUEUE target"

    def install(self, snapshot: Snapshot) -> None:
        """Put the table in place, whole from its first moment: what a device sent meanwhile would be marked
        as nobody's. One that a killed daemon left is replaced. Raises KernelError.
        """
        self.snapshot = replace(snapshot, native=self.snapshot.native)
        layout = snapshot.layout
        before_us = unseen.open_connections(self.conntrack, layout, self._slots())
        self.conntrack.clear(layout)
        unseen.refuse(self.conntrack, layout, before_us)
        self._installed = True
        try:
            self.found = {pair: usage.bytes for pair, usage in self._counters.read().items()}
        except KernelError:
            self.found = {}  # there was none
        self._load()
        self._loop.on_readable(self._watch, self._touched)

    def start_alive(self) -> None:
        """From now on open profiles are asked about; call it when the queues are bound."""
        self._change(render_alive())
        self._alive = self._loop.call_later(ALIVE_PERIOD, self.start_alive)

    def _load(self) -> None:
        try:
            with self._watch.ours():
                self._nft.apply(render(self.snapshot))
        except KernelError as error:
            if self.snapshot.offload is None:
                raise
            self._without_flows(error)
            with self._watch.ours():
                self._nft.apply(render(self.snapshot))
        if self._targets is not None:
            with self._watch.ours():
                self._targets.install()

    def _without_flows(self, error: KernelError) -> None:
        """A device of the flow table that went a moment ago must not keep all else from being loaded."""
        _log.warning("%s; for now no connection goes past the rules", error)
        self.snapshot = replace(self.snapshot, offload=None)
        self._flows_dropped = True

    def update(self, snapshot: Snapshot) -> None:
        """Make the table say ``snapshot``; its ``native`` is ours to know."""
        new = replace(snapshot, native=self.snapshot.native)
        old = self.snapshot
        if new == old:
            return
        if needs_rebuild(old, new):
            self.used()
            text = render(new)
        elif replace(old, passes=(), owners=()) == replace(new, passes=(), owners=()):
            self._count_many(set(old.passes) - set(new.passes))
            text = render_owners(old, new) + render_passes(
                new, removed=set(old.passes) - set(new.passes), added=set(new.passes) - set(old.passes)
            )
        else:
            self._count_many(set(old.passes) - set(new.passes))
            text = render_update(old, new)
        self.snapshot, before = new, self.snapshot
        try:
            self._change(text)
        except KernelError:
            self.snapshot = before
            raise

    def _change(self, text: str) -> None:
        """One transaction. Where it fails once we run, something else has spoilt the table: it is mended."""
        try:
            with self._watch.ours():
                self._nft.apply(text)
        except KernelError as error:
            if self._alive is None:
                raise
            _log.warning("%s; the table is put in order as a whole", error)
            self._mend_soon(MEND_DELAY)
        self._touched()  # what somebody else changed just before has been read, and wakes nobody any more

    def renew(self, elements: Iterable[PassElement]) -> None:
        """Begin the leases of these elements anew; what they counted is kept here."""
        elements = tuple(elements)
        if not elements:
            return
        self._count_many(elements)
        self._change(render_passes(self.snapshot, removed=elements, added=elements))

    def hand_over(self, slot: int, heir: int) -> None:
        """``slot`` is nobody's from now on; what it runs begins anew as ``heir``'s."""
        unseen.hand_over(self.conntrack, self.snapshot.layout, slot, heir)

    def forget_rates(self, slot: int) -> None:
        """How much it sent just now."""
        self._change(render_reset_rates(self.snapshot, slot))

    def follow_devices(self, slots: unseen.Slots | None = None, only: Set[bytes] | None = None) -> None:
        """What a device ran before it became somebody else's begins anew: at the addresses in ``slots``, else
        at all; of those at ``only``.
        """
        slots = self._slots() if slots is None else slots
        unfiltered = unseen.begin_anew(self.conntrack, self.snapshot.layout, slots, only=only)
        if unfiltered and self.snapshot.offload is not None:
            self._change(render_new_flow_table(self.snapshot))

    def used(self) -> Mapping[Pair, int]:
        """Bytes by (slot, class) since the start. They never fall; a class that used nothing is missing."""
        self._watch.catch_up()
        try:
            return self._totals.read()
        except KernelError as error:  # the table is gone; what it had counted by the last reading is kept
            _log.debug("%s", error)
            return self._totals.bytes
        finally:
            self._touched()

    def passes(self) -> Iterable[PassElement]:
        """The classes that are open."""
        return self.snapshot.passes

    def position(self) -> Mapping[Pair, int]:
        """Of what ``used`` told last, what the elements that are there now had counted."""
        return self._totals.position()

    def _count_many(self, going: Collection[PassElement]) -> None:
        """Read what elements have counted that are about to go, where the kernel cannot tell of all."""
        if len(going) > MANY:
            self.used()

    def _touched(self) -> None:
        if self._watch.changed():
            self._mend_soon(MEND_DELAY)

    def _mend_soon(self, delay: float) -> None:
        if self._mending is None:
            self._mending = self._loop.call_later(delay, self._mend)

    def _mend(self) -> None:
        self._mending = None
        self.mends += 1
        _log.warning("another program changed our table; it is put in order again")
        open_now = {(one.slot, one.class_number) for one in self.snapshot.passes}
        layout = self.snapshot.layout
        try:
            there = self._counters.read()
        except KernelError:
            there = {}
        strays = [key for pair in there.keys() - open_now for key in layout.pass_keys(*pair)]
        try:
            with self._watch.ours():
                self._nft.apply(render_repair(self.snapshot, strays) + self._no_flows())
            if self._targets is not None:
                with self._watch.ours():
                    self._targets.install()
            with self._watch.ours():
                self._nft.apply(render_alive())
            missed = unseen.open_connections(self.conntrack, layout, self._slots(), unmarked=True)
            unseen.refuse(self.conntrack, layout, missed)
        except KernelError as error:
            _log.error("%s; tried again in a second", error)
            if self.snapshot.offload is not None:
                self._without_flows(error)
            self._mend_soon(MEND_AGAIN)
        self._touched()

    def _no_flows(self) -> str:
        """Where there is to be no flow table, one that an earlier snapshot left goes."""
        return render_flows_ended() if self._flows_dropped and self.snapshot.offload is None else ""

    @cached_property
    def can_offload(self) -> bool:
        """Whether this kernel has flow tables."""
        return has_flow_tables(self._nft)

    def close(self) -> None:
        """Leave nothing behind: no table but the one that is asked for, none of our bits in the connection
        table.

        A start that failed leaves what a killed daemon left: it still refuses for those who fail closed.
        """
        self._loop.forget(self._watch)
        for timer in (self._alive, self._mending):
            if timer is not None:
                timer.cancel()
        if self._installed:
            if left := self._left_behind():
                self._nft.apply(left)
            else:
                # First the rules alone: of a table deleted whole, packets under way find the pass map empty.
                self._nft.apply(f"table {TABLE} {{ }}\nflush table {TABLE}\n")
                self._nft.apply(render_removal())
            self.conntrack.clear(self.snapshot.layout)
        if self._targets is not None:
            self._targets.close()
        self.conntrack.close()
        self._counters.close()
        self._watch.close()
        self._nft.close()
