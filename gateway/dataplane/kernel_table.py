"""The kernel's table: its desired state, and how it is installed, updated, repaired and removed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import replace
from functools import cached_property

from gateway.core.errors import KernelError
from gateway.core.loop import Loop, Timer
from gateway.dataplane import unjudged
from gateway.dataplane.lookups import HelpAddresses
from gateway.household.rule_book import RuleBook
from gateway.kernel import fallback
from gateway.kernel.conntrack import Conntrack
from gateway.kernel.flowtable import has_flow_tables
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.table import (
    NAME,
    TABLE,
    needs_rebuild,
    render,
    render_alive,
    render_flows_ended,
    render_new_flow_table,
    render_owners,
    render_passes,
    render_removal,
    render_repair,
    render_reset_rates,
    render_update,
)
from gateway.kernel.snapshot import PassElement, Snapshot
from gateway.kernel.usage import Pair, PassCounters, Totals
from gateway.kernel.watch import Watch
from gateway.lan import interfaces as lan
from gateway.lan.uplink import ways_out
from gateway.policy.config.web import PAGES

ALIVE_PERIOD = 1.0  # seconds; a third of the lease
REPAIR_DELAY = 0.2  # seconds; a program that flushes a ruleset loads another right after it
REPAIR_RETRY = 1.0  # seconds after a failed repair
MANY = 500  # elements; the kernel cannot report the final counters of more removed elements

_log = logging.getLogger(__name__)


class KernelTable:
    """Owns table ``inet qalqan`` and Qalqan's bits in the connection table."""

    def __init__(
        self,
        loop: Loop,
        snapshot: Snapshot,
        slots: Callable[[], unjudged.Slots],
        left_behind: Callable[[], str] = str,
        *,
        conntrack: Conntrack | None = None,
    ) -> None:
        """Prepare only; ``install`` changes the kernel. Raises KernelError if no table can be loaded.

        ``snapshot`` has interfaces, marks and queues, which stay the same for the daemon's life. ``slots``
        returns the owners of the LAN's addresses, to find connections that were never judged. ``left_behind``
        returns the table that replaces this one at a stop; empty for none.
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
        self.found: Mapping[Pair, int] = {}  # counters of a table from before the start
        self.mends = 0
        self._repair_timer: Timer | None = None
        self._alive: Timer | None = None
        self._installed = False
        self._flows_dropped = False

    @property
    def backend(self) -> str:
        return "nft queue" if self._targets is None else "NFQUEUE target"

    def install(self, snapshot: Snapshot) -> None:
        """Install the complete table in one transaction: until then packets would be marked as those of
        devices without an owner. Replaces the table of a killed daemon.

        Raises KernelError.
        """
        self.snapshot = replace(snapshot, native=self.snapshot.native)
        layout = snapshot.layout
        before_us = unjudged.open_connections(self.conntrack, layout, self._slots())
        self.conntrack.clear(layout)
        unjudged.refuse(self.conntrack, layout, before_us)
        self._installed = True
        try:
            self.found = {pair: usage.bytes for pair, usage in self._counters.read().items()}
        except KernelError:
            self.found = {}  # there was no table
        self._load()
        self._loop.on_readable(self._watch, self._touched)

    def start_alive(self) -> None:
        """Start the lease by which fail-open profiles are filtered. Call it when the queues are bound."""
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
        """Drop the flow table: a device in it that just disappeared must not keep the table from loading."""
        _log.warning("%s; for now no connection goes past the rules", error)
        self.snapshot = replace(self.snapshot, offload=None)
        self._flows_dropped = True

    def update(self, snapshot: Snapshot) -> None:
        """Update the table to ``snapshot``; its ``native`` is ignored."""
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
        """Apply one transaction. If it fails while running, another program damaged the table: repair it."""
        try:
            with self._watch.ours():
                self._nft.apply(text)
        except KernelError as error:
            if self._alive is None:
                raise
            _log.warning("Updating the table failed: %s. It is loaded again as a whole.", error)
            self._repair_soon(REPAIR_DELAY)
        self._touched()  # reads pending events of other programs: nothing else wakes the loop for them

    def renew(self, elements: Iterable[PassElement]) -> None:
        """Renew the leases of these elements. Their counters are added to the totals first."""
        elements = tuple(elements)
        if not elements:
            return
        self._count_many(elements)
        self._change(render_passes(self.snapshot, removed=elements, added=elements))

    def hand_over(self, slot: int, heir: int) -> None:
        """Move the connections of ``slot``, which is not used any more, to slot ``heir``, and reset them."""
        unjudged.hand_over(self.conntrack, self.snapshot.layout, slot, heir)

    def forget_rates(self, slot: int) -> None:
        """Forget how fast a slot was sending."""
        self._change(render_reset_rates(self.snapshot, slot))

    def follow_devices(self, slots: unjudged.Slots | None = None, only: Set[bytes] | None = None) -> None:
        """Reset connections that a device began while it had another owner.

        ``slots``: the addresses to look at, by default all. ``only``: limit it to these addresses.
        """
        slots = self._slots() if slots is None else slots
        unfiltered = unjudged.reset_connections(self.conntrack, self.snapshot.layout, slots, only=only)
        if unfiltered and self.snapshot.offload is not None:
            self._change(render_new_flow_table(self.snapshot))

    def used(self) -> Mapping[Pair, int]:
        """Return bytes by (slot, class) since the start. They never decrease; unused classes are missing."""
        self._watch.catch_up()
        try:
            return self._totals.read()
        except KernelError as error:  # the table is gone; use the totals of the last reading
            _log.debug("%s", error)
            return self._totals.bytes
        finally:
            self._touched()

    def passes(self) -> Iterable[PassElement]:
        """Return the open classes."""
        return self.snapshot.passes

    def position(self) -> Mapping[Pair, int]:
        """Return the counters of the present elements at the last ``used``."""
        return self._totals.position()

    def _count_many(self, going: Collection[PassElement]) -> None:
        """Read the counters of elements before removal, if the kernel cannot report all of them."""
        if len(going) > MANY:
            self.used()

    def _touched(self) -> None:
        if self._watch.changed():
            self._repair_soon(REPAIR_DELAY)

    def _repair_soon(self, delay: float) -> None:
        if self._repair_timer is None:
            self._repair_timer = self._loop.call_later(delay, self._repair)

    def _repair(self) -> None:
        self._repair_timer = None
        self.mends += 1
        _log.warning("Another program changed the table inet qalqan. It is repaired.")
        open_now = {(element.slot, element.class_number) for element in self.snapshot.passes}
        layout = self.snapshot.layout
        try:
            there = self._counters.read()
        except KernelError:
            there = {}
        unmatched = [key for pair in there.keys() - open_now for key in layout.pass_keys(*pair)]
        try:
            with self._watch.ours():
                self._nft.apply(render_repair(self.snapshot, unmatched) + self._no_flows())
            if self._targets is not None:
                with self._watch.ours():
                    self._targets.install()
            with self._watch.ours():
                self._nft.apply(render_alive())
            missed = unjudged.open_connections(self.conntrack, layout, self._slots(), unmarked=True)
            unjudged.refuse(self.conntrack, layout, missed)
        except KernelError as error:
            _log.error("Repairing the table failed: %s. The next attempt is in a second.", error)
            if self.snapshot.offload is not None:
                self._without_flows(error)
            self._repair_soon(REPAIR_RETRY)
        self._touched()

    def _no_flows(self) -> str:
        """Return the commands that remove an earlier flow table, if there should be none."""
        return render_flows_ended() if self._flows_dropped and self.snapshot.offload is None else ""

    @cached_property
    def can_offload(self) -> bool:
        """Whether this kernel supports flow tables."""
        return has_flow_tables(self._nft)

    def close(self) -> None:
        """Remove the table, or replace it by the one of ``left_behind``, and clear Qalqan's bits in the
        connection table.

        If the start failed, the table of a killed daemon stays: it still blocks fail-closed devices.
        """
        self._loop.forget(self._watch)
        for timer in (self._alive, self._repair_timer):
            if timer is not None:
                timer.cancel()
        if self._installed:
            if left := self._left_behind():
                self._nft.apply(left)
            else:
                # First the rules alone: otherwise packets under way would find the pass map empty.
                self._nft.apply(f"table {TABLE} {{ }}\nflush table {TABLE}\n")
                self._nft.apply(render_removal())
            self.conntrack.clear(self.snapshot.layout)
        if self._targets is not None:
            self._targets.close()
        self.conntrack.close()
        self._counters.close()
        self._watch.close()
        self._nft.close()


def desired_snapshot(
    rules: RuleBook,
    inside: tuple[str, ...],
    help_addresses: HelpAddresses,
    help_port: int | None,
    dns_port: int | None,
    now: Snapshot,
) -> Snapshot:
    """Return the desired state without slots, owners and open classes.

    ``inside``: the interfaces that face the LAN. ``now`` has the marks, which stay the same for the daemon's
    life. While there is no default route, the last known layout applies; at first the one-armed layout, whose
    rules also work with two interfaces.
    """
    config = rules.household.config
    out = ways_out()
    texts = sorted(map(lan.text, help_addresses.addresses))
    return Snapshot(
        lan=inside,
        arm=not out.isdisjoint(config.lan) if out else now.arm,
        queue_base=config.queue_base,
        layout=now.layout,
        dns_port=dns_port,
        dns_for_everyone=rules.binds_everyone,
        pages=PAGES,
        page_port=config.web.port,
        page_tls_port=None if config.web.https is None else config.web.https.port,
        page_labels=tuple(sorted({name.partition(".")[0] for name in rules.world.gateway_names})),
        door_ports=None if config.gateway_open else config.gateway_ports,
        help4=tuple(address for address in texts if ":" not in address),
        help6=tuple(address for address in texts if ":" in address),
        help_dns_port=help_port,
    )
