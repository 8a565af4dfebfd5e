"""Installs, updates, repairs and removes the nftables table ``inet qalqan``, and builds its desired state.

It does the same for the table ``bridge qalqan``, whose text `AddressGuard` makes.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import replace
from functools import cached_property

from gateway.core.errors import KernelError
from gateway.core.loop import Loop, Timer
from gateway.core.turns import Steps, finish
from gateway.dataplane import unjudged
from gateway.dataplane.handover import HandedOver
from gateway.dataplane.lookups import HelpAddresses
from gateway.household.rule_book import RuleBook
from gateway.kernel import fallback
from gateway.kernel.conntrack import Conntrack
from gateway.kernel.flowtable import has_flow_tables, offloads_in_hardware
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset import bridge
from gateway.kernel.ruleset.table import (
    FAMILY,
    NAME,
    TABLE,
    needs_rebuild,
    render,
    render_alive,
    render_bodies,
    render_flows_ended,
    render_held,
    render_in_place,
    render_new_flow_table,
    render_owners,
    render_passes,
    render_removal,
    render_repair,
    render_reset_rates,
    render_update,
)
from gateway.kernel.snapshot import Offload, PassElement, Snapshot
from gateway.kernel.usage import Pair, PassCounters, Totals
from gateway.kernel.watch import TableWatch
from gateway.lan import interfaces as lan
from gateway.lan.uplink import ways_out
from gateway.policy.config.web import PAGES

ALIVE_PERIOD = 1.0  # seconds; a third of the daemon's lease
REPAIR_DELAY = 0.2  # seconds; a program that flushes the ruleset loads its own right afterwards
REPAIR_RETRY = 1.0  # seconds between two attempts to repair
MANY_REPAIRS = 3  # within REPORT_FOR, which `status` reports
REPORT_FOR = 3600.0  # seconds
MANY = 500  # elements; if more are removed together, the kernel cannot report all their final counters

_log = logging.getLogger(__name__)


class KernelTable:
    """Owns the nftables table ``inet qalqan``, and Qalqan's bits in the connection marks."""

    def __init__(
        self,
        loop: Loop,
        snapshot: Snapshot,
        slots: Callable[[], unjudged.Slots],
        *,
        stays: bool = False,
        conntrack: Conntrack | None = None,
    ) -> None:
        """Prepare the table; `install` changes the kernel.

        ``snapshot``: the first state. Its marks, rates and queues stay the same until the daemon
        ends. ``slots``: returns the slot (number of a filtered device; 0: not filtered) of each LAN
        address, to find connections that were never judged. ``stays``: the table outlives a clean
        stop, until the next daemon replaces it. Raises KernelError if the kernel does not support the
        table.
        """
        self._loop = loop
        self._slots = slots
        self._stays = stays
        self._nft = Nft()
        native = fallback.native_queue(self._nft)
        self.snapshot = replace(snapshot, native=native, reads_answers=fallback.reads_answers(self._nft))
        layout = snapshot.layout
        self._targets = None if native else fallback.TargetQueue(snapshot.queue_base)
        self._counters = PassCounters(layout)
        self._totals = Totals(self._counters)
        tables = frozenset({("inet", NAME), (bridge.FAMILY, bridge.NAME)})
        self._watch = TableWatch(tables, self._totals.ended)
        self.conntrack = conntrack or Conntrack()
        self.found: Mapping[Pair, int] = {}  # bytes counted by an earlier daemon's table, at `install`
        self.repairs = 0
        self.loads = 0  # how often the whole table was loaded, which removes all ranges of uploads
        self._repaired: deque[float] = deque(maxlen=MANY_REPAIRS)
        self._repair_timer: Timer | None = None
        self._alive: Timer | None = None
        self._installed = False
        self._flows_dropped = False
        self._bridge = ""  # the text of the table for bridges; empty: none is loaded
        self._bridge_found = True  # a killed daemon may have left one

    @property
    def backend(self) -> str:
        return "nft queue" if self._targets is None else "NFQUEUE target"

    def install(self, snapshot: Snapshot, handed_over: HandedOver | None = None) -> None:
        """Install the complete table, in place of the table of an earlier daemon.

        It is one transaction: with an incomplete table, packets would be marked as those of devices
        without an owner. ``handed_over``: the connections that continue; other TCP connections of
        filtered devices are reset. Raises KernelError.
        """
        self.snapshot = self._supported(snapshot)
        layout, live = snapshot.layout, None
        if handed_over is not None and handed_over.layout == layout:
            live = handed_over.live
        elif handed_over is not None:
            self.conntrack.clear(handed_over.layout)  # the settings of the marks were changed
        unjudged.begin(self.conntrack, layout, self._slots(), live)
        self._installed = True
        try:
            self.found = self._totals.begin()
        except KernelError:
            self.found = {}  # there was no table
        self._load()
        self._loop.on_readable(self._watch, self._touched)

    def _supported(self, snapshot: Snapshot) -> Snapshot:
        """Return ``snapshot`` with what this kernel supports (``native``, ``reads_answers``)."""
        return replace(snapshot, native=self.snapshot.native, reads_answers=self.snapshot.reads_answers)

    def start_alive(self) -> None:
        """Renew the daemon's lease in the table now, and again every ALIVE_PERIOD seconds.

        When the lease expires, fail-open profiles are not filtered.
        """
        self._change(render_alive())
        self._alive = self._loop.call_later(ALIVE_PERIOD, self.start_alive)

    def _load(self) -> None:
        """Load the whole table; if the kernel refuses it with a flow table, load it without one."""
        try:
            self._load_table()
        except KernelError as error:
            if self.snapshot.offload is None:
                raise
            self._without_flows(error)
            self._load_table()
        if self._targets is not None:
            with self._watch.ours():
                self._targets.install()

    def _load_table(self) -> None:
        """Load the table. A loaded one is refilled, so that its connections continue.

        If the kernel refuses that, as for a table of another version, it is replaced. Raises KernelError.
        """
        self.loads += 1
        loaded = self._nft.chains(FAMILY, NAME)
        if loaded:
            self._unbind(loaded)
            try:
                self._load_text(render_in_place(self.snapshot, loaded))
            except KernelError as error:
                _log.debug("The loaded table is replaced: %s", error)
            else:
                return
        self._load_text(render(self.snapshot))

    def _unbind(self, loaded: Collection[str]) -> None:
        """Remove a loaded flow table before one with hardware offloading replaces it.

        In one transaction the kernel asks the driver for the new one first, and some drivers accept only one.
        """
        if self.snapshot.offload is not None and self.snapshot.offload.hardware:
            flushed = f"flush chain {TABLE} unfiltered\n" if "unfiltered" in loaded else ""
            with self._watch.ours():
                self._nft.apply(flushed + render_flows_ended())

    def _load_text(self, text: str) -> None:
        with self._watch.ours():
            self._nft.apply(text + render_alive())

    def _without_flows(self, error: KernelError) -> None:
        """Drop the flow table: one of its devices may have disappeared, which prevents the load."""
        _log.warning("%s. Continuing without the flow table.", error)
        self.snapshot = replace(self.snapshot, offload=None)
        self._flows_dropped = True

    def update(self, snapshot: Snapshot) -> None:
        """Change the kernel's table from the present state to ``snapshot``, as far as the kernel supports it.

        Raises KernelError before `start_alive`. Later, a failure is logged, and the whole table is
        repaired soon. Traffic counters are read before they would be lost.
        """
        new = self._supported(snapshot)
        old = self.snapshot
        if new == old:
            return
        if new.offload is not None and new.offload.hardware and old.offload not in (None, new.offload):
            self.update(replace(old, offload=None))  # `_unbind` has the reason
            old = self.snapshot
        if needs_rebuild(old, new):
            self.used()
            self.loads += 1
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
        """Apply one transaction.

        If it fails after the start, another program changed the table, and a repair is scheduled.
        """
        try:
            with self._watch.ours():
                self._nft.apply(text)
        except KernelError as error:
            if self._alive is None:
                raise
            _log.warning("Updating the table failed: %s. It is loaded again as a whole.", error)
            self._repair_soon(REPAIR_DELAY)
        self._touched()  # handle pending events of other programs, which do not wake the loop again

    def guard_bridges(self, text: str) -> None:
        """Load the table ``bridge qalqan``, in place of a loaded one; remove it if ``text`` is empty.

        A text that is loaded already is not loaded again. Raises KernelError, for instance if the kernel does
        not support the table.
        """
        if text == self._bridge and not self._bridge_found:
            return
        self._bridge_found = False
        if text:
            with self._watch.ours():
                self._nft.apply(text)
        else:
            self._remove_bridge()
        self._bridge = text
        self._touched()

    def _remove_bridge(self) -> None:
        try:
            with self._watch.ours():
                self._nft.apply(bridge.render_removal())
        except KernelError:
            return  # the kernel supports no such tables, so there is none

    def claimants(self) -> frozenset[str]:
        """Return the MAC addresses that tried to claim an address of the gateway within the last minute.

        Only claims that the table for bridges dropped are known. A claim is an ARP or Neighbour Discovery
        message.
        """
        if not self._bridge:
            return frozenset()
        try:
            (found,) = self._nft.list(f"list set {bridge.TABLE} {bridge.CLAIMANTS}")
        except KernelError:
            return frozenset()  # another program removed the table; it is being repaired
        return frozenset(element["elem"]["val"] for element in found["set"].get("elem", ()))

    def renew(self, elements: Iterable[PassElement]) -> None:
        """Renew the timeouts of these elements of the pass map: open classes of slots.

        A class is a combination of time rules of a slot (filtered device). Their byte counters begin at zero
        then; the totals of `used` keep the bytes.
        """
        elements = tuple(elements)
        if not elements:
            return
        self._count_many(elements)
        self._change(render_passes(self.snapshot, removed=elements, added=elements))

    def hand_over(self, slot: int, successor: int) -> None:
        """Reset the TCP connections of ``slot``, whose devices now have the slot ``successor``.

        A slot is a filtered device, or several with one profile. Flows of other protocols, and all if
        ``successor`` is 0 (unfiltered), continue without their mark. Raise KernelError if the
        connection table cannot be used.
        """
        unjudged.hand_over(self.conntrack, self.snapshot.layout, slot, successor)

    def change_bodies(self, name: str, *, removed: list[str], added: list[str]) -> bool:
        """Change the ranges of long uploads in the set ``bodies`` or ``answers``; return whether it worked.

        It fails while another program has removed the table, and if the set is full.
        """
        if not (removed or added):
            return True
        try:
            with self._watch.ours():
                self._nft.apply(render_bodies(name, removed=removed, added=added))
        except KernelError as error:
            _log.debug("%s", error)
            return False
        finally:
            self._touched()
        return True

    def forget_rates(self, slot: int) -> None:
        """Reset the packet rate limits of a slot (filtered device) in the nftables table."""
        self._change(render_reset_rates(self.snapshot, slot))

    def follow_devices(self, slots: unjudged.Slots | None = None, only: Set[bytes] | None = None) -> None:
        """Reset TCP connections that a device began while it had another owner.

        Such flows of other protocols, or of devices that are unfiltered now, lose their mark. If one began
        while its device was unfiltered, the flow table is emptied: it may forward such flows past the rules.
        ``slots``: the slots by packed address; by default those of all neighbours. ``only``: check only these
        addresses. Raise KernelError if the connection table cannot be used.
        """
        finish(self.follow_devices_steps(slots, only))

    def follow_devices_steps(
        self, slots: unjudged.Slots | None = None, only: Set[bytes] | None = None
    ) -> Steps[None]:
        """Return steps (a generator) that do what `follow_devices` does."""
        slots = self._slots() if slots is None else slots
        layout = self.snapshot.layout
        unfiltered = yield from unjudged.reset_connections(self.conntrack, layout, slots, only=only)
        if unfiltered and self.snapshot.offload is not None:
            self._empty_flow_table(self.snapshot, self.snapshot.offload)

    def _empty_flow_table(self, whole: Snapshot, offload: Offload) -> None:
        if offload.hardware:  # `_unbind` has the reason
            self.update(replace(whole, offload=None))
            self.update(whole)
        else:
            self._change(render_new_flow_table(whole))

    def used(self) -> Mapping[Pair, int]:
        """Return the bytes by slot and class since `install`. They never decrease.

        A class is a combination of time rules of a slot (filtered device); those without bytes are
        left out. If the kernel's counters cannot be read, the last ones are returned. Later calls
        change the returned mapping.
        """
        self._watch.catch_up()
        try:
            return self._totals.read()
        except KernelError as error:  # the table is gone: return the totals of the last reading
            _log.debug("%s", error)
            return self._totals.bytes
        finally:
            self._touched()

    def passes(self) -> Iterable[PassElement]:
        """Return the elements of the pass map as it should be: the open classes, with their leases.

        A class is a combination of time rules of a slot (filtered device).
        """
        return self.snapshot.passes

    def position(self) -> Mapping[Pair, int]:
        """Return the bytes by slot and class that the present pass map had counted at the last ``used``.

        A class is a combination of time rules of a slot (filtered device). Removed elements are not
        included.
        """
        return self._totals.position()

    def _count_many(self, going: Collection[PassElement]) -> None:
        """Read all counters before a removal of ``going``, if these are more than the kernel can report."""
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
        self.repairs += 1
        self.loads += 1
        self._repaired.append(self._loop.now())
        _log.warning("Another program changed the tables of Qalqan. They are repaired.")
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
            entries = self.conntrack.entries()
            missed = unjudged.open_connections(entries, layout, self._slots(), unmarked=True)
            unjudged.refuse(self.conntrack, layout, missed)
        except KernelError as error:
            _log.error("Repairing the table failed: %s. The next attempt is in a second.", error)
            if self.snapshot.offload is not None:
                self._without_flows(error)
            self._repair_soon(REPAIR_RETRY)
        self._repair_bridge()
        self._touched()

    def _repair_bridge(self) -> None:
        text, self._bridge = self._bridge, ""
        try:
            if text:
                self.guard_bridges(text)
        except KernelError as error:
            _log.error("Repairing the table %s failed: %s. Continuing without it.", bridge.TABLE, error)

    def problems(self) -> list[str]:
        """Return a sentence for `status` if other programs changed the table again and again.

        That is MANY_REPAIRS times within REPORT_FOR (an hour); otherwise an empty list.
        """
        if len(self._repaired) < MANY_REPAIRS or self._loop.now() - self._repaired[0] > REPORT_FOR:
            return []
        return [
            f"Another program has removed or changed the nftables tables of Qalqan {self.repairs} times. "
            "After each time, nothing is filtered for a moment. Look in the system log for what reloads "
            "the firewall, for example a script that runs nft flush ruleset."
        ]

    def _no_flows(self) -> str:
        """Return the commands that remove an earlier flow table; empty if none was dropped."""
        return render_flows_ended() if self._flows_dropped and self.snapshot.offload is None else ""

    @cached_property
    def can_offload(self) -> bool:
        """Return whether this kernel supports flow tables."""
        return has_flow_tables(self._nft)

    def accelerates(self, device: str) -> bool:
        """Return whether this kernel accepts hardware offloading on a network device."""
        return offloads_in_hardware(self._nft, device)

    def close(self) -> None:
        """Remove the table, and clear Qalqan's bits in the marks. Also remove the table for bridges.

        With ``stays``, the table ``inet qalqan`` and the marks stay until the next daemon starts. If a start
        failed before `install`, the table of an earlier daemon stays: it still blocks fail-closed devices.
        Raise KernelError if the kernel refuses the removal.
        """
        self._loop.forget(self._watch)
        for timer in (self._alive, self._repair_timer):
            if timer is not None:
                timer.cancel()
        if self._bridge:
            self._remove_bridge()
        if self._installed and self._stays:
            self._nft.apply(render_held(self.snapshot))
        elif self._installed:
            # Remove the rules first: otherwise packets in flight would be blocked by an empty pass map.
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
    """Return the desired state of the table, without devices, address owners, open classes and flow table.

    ``inside``: the LAN interfaces. ``now``: the present state, whose marks and rates are kept. Ports are None
    if nothing listens there. A gateway is one-armed if a LAN interface also has a default route.
    Without a default route the last known setup applies; the initial one is one-armed, whose rules also work
    with two interfaces. Raise OSError if the routes cannot be read.
    """
    config = rules.household.config
    out = ways_out()
    texts = sorted(map(lan.text, help_addresses.addresses))
    return Snapshot(
        lan=inside,
        arm=not out.isdisjoint(config.lan) if out else now.arm,
        queue_base=config.queue_base,
        layout=now.layout,
        rates=now.rates,
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
