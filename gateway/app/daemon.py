"""The daemon: builds all parts and connects them, and owns the event loop."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path

from gateway.app.clock_changes import JumpHandler
from gateway.app.features import DataPlane, Features
from gateway.control.contract.status import HomeProblem
from gateway.control.listener import WebUser
from gateway.control.router import Router
from gateway.control.server import ControlServer
from gateway.core.bus import Bus, ControlEvent
from gateway.core.clock import WallClock
from gateway.core.close_stack import CloseStack
from gateway.core.files import SOCKET, make_folder
from gateway.core.logs import LastLines
from gateway.core.loop import Loop
from gateway.core.process_memory import run_in_child, settle_young
from gateway.core.turns import Steps, finish, in_turns
from gateway.dataplane.address_guard import AddressGuard
from gateway.dataplane.address_owners import AddressOwners
from gateway.dataplane.bodies import ForwardedBodies
from gateway.dataplane.boot_guard import GuardFile
from gateway.dataplane.capacity import device_rates, packets_per_second, work_limits
from gateway.dataplane.dns_proxy import DnsProxy
from gateway.dataplane.gates import Gates
from gateway.dataplane.handover import Handover
from gateway.dataplane.help_resolver import HelpResolver
from gateway.dataplane.internet import AnswerBook, Evidence, Internet, UplinkChanged
from gateway.dataplane.kernel_table import KernelTable, desired_snapshot
from gateway.dataplane.lookups import (
    HelpAddresses,
    HelpAddressesChanged,
    OwnAnswers,
    PeriodicLookups,
    SafeSearchCache,
    resolvers,
)
from gateway.dataplane.offload import offloading
from gateway.dataplane.packets import LateRecords, PacketPath
from gateway.dataplane.pages_watch import PagesWatch, are_expected
from gateway.dataplane.saved_addresses import SavedAddresses
from gateway.dataplane.status_text import about
from gateway.dataplane.unjudged import Slots, slots_of_addresses
from gateway.features.accounts.verbs import log_claim_code
from gateway.features.activity.journal import DecisionLog
from gateway.features.backup.good_copy import GoodCopy
from gateway.features.backup.restore import recover_files
from gateway.features.bypass_alerts.cards import BypassAlerts
from gateway.features.filter_tests.probe_device import FilterPath, ProbeDevice
from gateway.features.lists.sealed_lists import SealedListUpdates
from gateway.features.site_repair.repairs import RepairBook
from gateway.features.status import clock as clockverbs
from gateway.features.status.figures import FigureSources, figures
from gateway.features.status.vitals import Vitals
from gateway.household import loading as household
from gateway.household.calendars import CalendarReader
from gateway.household.clock_watch import ClockWatch
from gateway.household.config_file import config_in_use
from gateway.household.context import Effects, HomeContext, HomeInterfaces
from gateway.household.members import Family, SlotChange
from gateway.household.presence import DevicesMoved, NeighboursRead, Presence
from gateway.household.rule_book import LearnedAddresses, RuleBook
from gateway.household.visibility import Visibility
from gateway.kernel.clocks import boot_id
from gateway.kernel.conntrack import Conntrack, FlowBytes
from gateway.kernel.marks import MarkLayout
from gateway.kernel.snapshot import Snapshot
from gateway.lan import interfaces as lan
from gateway.lan.inventory import ExaminedChanged
from gateway.lan.listeners import is_listening
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.metering.ledgers import ledgers
from gateway.metering.meter import count_connections, metering
from gateway.path.addresses import NameBook, ServiceBook
from gateway.path.dns import DnsPath, Style, never_explained
from gateway.path.earlier_answers import EarlierAnswers
from gateway.path.explained_names import is_explained
from gateway.path.flows import FlowPath
from gateway.path.guess_limit import GuessLimit
from gateway.path.live_flows import FlowId, LiveFlows
from gateway.path.nat64 import IPV4_ONLY, Nat64Prefixes
from gateway.path.subject import LiveDecisions
from gateway.policy.config.config import Config, DnsRefusal
from gateway.policy.time.clock_changes import Jump
from gateway.policy.values import Decision
from gateway.store import migrations
from gateway.store.database import broken_copies
from gateway.store.flash_wear import wear
from gateway.store.store import Store
from gateway.wire.flows.table import FlowTable

DATABASE = "qalqan.db"
HOSTS_KEPT = 1024  # with their services, 200 bytes each: devices query the same names again and again


class Daemon:
    """The daemon: builds all parts, in the order of their dependencies, and closes them."""

    def __init__(
        self,
        path: Path,
        *,
        clock: WallClock | None = None,
        keep_guard: bool = False,
        help_service: Path | None = None,
    ) -> None:
        """Build all parts from the configuration file ``path``, and start to filter.

        If a part fails, close those built so far and raise its error. ``keep_guard``: at a clean stop, the
        nftables table stays until the next daemon replaces it. ``help_service``: the file of the service that
        runs the resolver of help lines (`HelpResolver`).
        """
        self.loop = Loop()
        self.clock = clock or WallClock()
        self.bus = Bus()
        self._table_stays = keep_guard
        self._help_service = help_service
        stack = CloseStack()
        self.close, self._kept = stack.close, stack.keep
        self._kept(self.loop)
        try:
            self._build(path)
        except BaseException:
            self.close()
            raise

    def _build(self, path: Path) -> None:
        self.log = self._kept(LastLines())
        recover_files(path)
        self._read_rules(path)
        config = self.rules.household.config
        for folder in (Path(config.state), Path(config.runtime)):
            make_folder(folder)
        first = not self.rules.has_good_copies
        self.rules.keep_good()
        self._open_state(config, first=first)
        self._build_devices()
        self._build_paths(config)
        router = Router()
        # If another daemon runs, this fails before anything in the kernel changes.
        self.control = self._kept(
            ControlServer(self.loop, Path(config.runtime) / SOCKET, router.verbs, web=WebUser.found())
        )
        self._build_queues(config)
        self._build_table(config, Path(config.runtime))
        self._build_features(router)
        self._connect()
        self._start()
        log_claim_code(self.home, self.store.people)

    def _read_rules(self, path: Path) -> None:
        """Read the rule files; create the parts that learn addresses, such as of help lines."""
        loop = self.loop
        product, _ = household.product_in_use(config_in_use(path, lazy_public_suffix_check()))
        self.earlier = EarlierAnswers()
        self.book, self.names = AnswerBook(self.earlier), NameBook(earlier=self.earlier)
        self.help = self._kept(
            HelpAddresses(
                loop,
                self.book,
                resolvers(),
                self.bus,
                help_names=product.help,
                calling_names=product.calling,
            )
        )
        self.safe = self._kept(SafeSearchCache(loop, self.book, resolvers()))
        self.nat64 = Nat64Prefixes()
        self.nat64_lookups = self._kept(PeriodicLookups(loop, resolvers(), self.nat64.learn))
        learned = LearnedAddresses(self.help.knows, self.safe.knows, self.help.calls)
        self.calendars = self._kept(CalendarReader(loop, self._calendars_read))
        self.rules = RuleBook(path, product, self.bus, learned, self.calendars.days)
        self._product = self.rules.product  # of which other parts have copies

    def _open_state(self, config: Config, *, first: bool) -> None:
        """Create the clock watch, open the database (restored if lost), and create the minute ledgers.

        A ledger has the minutes that were counted for a child. ``first``: no earlier start had a profile.
        """
        state, runtime = Path(config.state), Path(config.runtime)
        played, self.clock.offset = clockverbs.played(), self.clock.offset + clockverbs.ahead()
        self.watch = self._kept(
            ClockWatch(self.loop, self.clock, state, runtime, self.bus.publish, played=played)
        )
        self.home = HomeContext(self.loop, self.clock, self.watch, self.rules, self.bus)
        self.interfaces = HomeInterfaces(self.rules)
        self.wear = wear(config.flash)
        missing, broken = migrations.applied(state / DATABASE) == 0, broken_copies(state / DATABASE)
        if migrations.is_due(state / DATABASE):
            run_in_child(lambda: Store(state / DATABASE).close())
        self.store = self._kept(
            Store(
                state / DATABASE,
                family_day=lambda now: self.rules.calendar.family_day(now),
                wear=self.wear,
                bus=self.bus,
                named=lambda mac: mac in self.rules.household.named,
                clock_trusted=lambda: self.watch.known,
            )
        )
        self.good_copy = self._kept(GoodCopy(self.home, self.store, self.wear.notes_every))
        damaged = broken_copies(state / DATABASE) != broken
        self.good_copy.recover(missing=missing, damaged=damaged, first=first)
        self.ledgers = ledgers(self.home, self.store, self.wear)

    def _build_devices(self) -> None:
        """Create the parts that know devices and their owners, and who may see which data about them."""
        loop, home = self.loop, self.home
        self.live, self.guesses = LiveFlows(), GuessLimit()
        self._services_of = lru_cache(HOSTS_KEPT)(self._services_in_catalogue)
        self.services = ServiceBook(self._services_of, loop.now, self.earlier)
        self.repair_book = RepairBook(self.bus.notify)
        self.visibility = Visibility(home, self.store.devices, self.store.uses)
        self.presence = self._kept(
            Presence(
                home,
                self.store,
                self.regroup,
                can_disclose=self.visibility.is_exact,
                lost=self.good_copy.lost,
            )
        )
        self.family = Family(
            self.store,
            self.book,
            self.services,
            loop.now,
            lambda slot, gates: self.gates.class_number(slot, gates),
            names=self.names,
            clock_known=lambda: self.watch.known,
            interface_of=self.presence.interface_of,
            examined=self.presence.inventory.examined,
            minutes=self.ledgers,
            repairs=self.repair_book,
        )

    def _build_paths(self, config: Config) -> None:
        """Create the decision log, the packet path, the DNS path and the check of the internet connection.

        The gates (time rules in the kernel) are created later, because they need the nftables
        table: they are looked up at each call.
        """
        loop, wall, bus = self.loop, self.clock.now, self.bus
        self.capacity = packets_per_second()
        self.rates = device_rates(self.capacity)
        store, rules = self.store, self.rules
        cards = BypassAlerts(store.bypass_cards, store.today, self.family, rules, bus)
        self.decision_log = DecisionLog(store.events, cards, self.family, wall, rules, bus)
        self.live_decisions = LiveDecisions()
        self.own_answers = self._kept(OwnAnswers(loop, resolvers(), self.book, self.names))
        self.late_records = LateRecords(self.own_answers.sink(self.decision_log))
        self.flows = FlowPath(
            FlowTable(
                work_limits(self.rates),
                ech_names=lambda: self.rules.ech_names,
                recognise=lambda proto, start, port: self.rules.world.catalogue.signed(proto, start, port),
                forgotten=lambda key: self.gates.refuse(FlowId(*key)),
                bodies=ForwardedBodies(lambda: self.table),
                plain=self.nat64.plain,
            ),
            self.live,
            sink=self.late_records.add,
            refused_page=self.decision_log.refused_page,
            reclass=lambda flow, live: self.gates.reclass(flow, live),
            uploads=lambda flow: self.gates.uploads(flow),
            reads_answers=lambda: self.table.snapshot.reads_answers,
            guesses=self.guesses,
            decisions=self.live_decisions,
        )
        self.pages_watch = (
            self._kept(PagesWatch(loop, lambda: is_listening(config.web.port), expected=are_expected()))
            if config.dns_refusal is DnsRefusal.EXPLAIN
            else None
        )
        self.dns = DnsPath(
            pages=lan.PAGES_PACKED,
            sentence=self.decision_log.short,
            sink=self.decision_log.decided,
            book=self.book,
            style=Style.NULL if config.dns_refusal is DnsRefusal.ZERO else Style.NXDOMAIN,
            explains=never_explained if self.pages_watch is None else self._explains,
            safe=self.safe,
            services=self.services,
            names=self.names,
            on_answer=self.help.heard,
            guesses=self.guesses,
            about=lambda: about(self.home, self.store, self.presence.claim),
            nat64=self.nat64,
            decisions=self.live_decisions,
        )
        self._caches = (self.book, self.services, self.own_answers, self.dns)
        self.internet = self._kept(Internet(loop, config.lan, self._evidence, wall, bus))

    def _build_queues(self, config: Config) -> None:
        layout = MarkLayout(config.marks.packet, config.marks.ct, config.marks.slot)
        self.conntrack = Conntrack()
        self.packets = self._kept(
            PacketPath(
                self.loop,
                layout,
                config.queue_base,
                config.lan,
                flows=self.flows,
                dns=self.dns,
                subjects=self.family.subjects,
                wall=self.clock.now,
                behind=self.conntrack.behind,
                after=self.late_records.record,
            )
        )

    def _build_table(self, config: Config, runtime: Path) -> None:
        """Create the nftables table and the parts around it; `_start` installs the table.

        These are the boot guard's files, time rules, the meter of minutes, the DNS proxy, the
        resolver of help lines, the test device of filter tests, the sealed lists and others.
        """
        loop, wall, layout = self.loop, self.clock.now, self.packets.layout
        stays = self._table_stays
        self.guard = self._kept(GuardFile(loop, Path(config.state), runtime, self.help, self.wear))
        bare = Snapshot(
            lan=config.lan, arm=True, queue_base=config.queue_base, rates=self.rates, layout=layout
        )
        self.table = self._kept(KernelTable(loop, bare, self._slots, stays=stays, conntrack=self.conntrack))
        self.handover = self._kept(Handover(runtime, self.live, layout, self.names, loop.now, stays=stays))
        self.offloading = self._kept(offloading(self.home, self.table, self.sync_table))
        self.address_owners = self._kept(
            AddressOwners(
                loop,
                self.presence.owners,
                self.family.slot_of,
                self.table,
                lambda: self.interfaces.names,
                lambda: self.gates.examined(),
            )
        )
        self.address_guard = self._kept(
            AddressGuard(loop, self.table, lambda: config.lan, self.presence.watch_addresses, self.bus)
        )
        self.connections = self._kept(FlowBytes(layout))
        self.meter = self._kept(
            metering(
                self.home,
                self.table,
                self.connections,
                self.family,
                self.ledgers,
                self.store,
                self.live,
                changed=self._minutes_counted,
                swept=lambda: self.flows.table.forget_ended_http(self.live, loop.now()),
                stays=stays,
            )
        )
        self.saved_addresses = self._kept(
            SavedAddresses(
                loop,
                runtime,
                boot_id(),
                self.store.slots.all,
                self.earlier,
                (self.book, self.names, self.services),
            )
        )
        self.gates = self._kept(
            Gates(
                loop,
                self.table,
                self.family,
                self.store,
                self.live,
                wall,
                self.flows.table,
                changed=self.decision_log.moved,
                classes_opened=self.meter.wake,
                settle=self.meter.settle,
            )
        )
        self.effects = Effects(
            self.regroup,
            self.reload,
            self.reload_steps,
            self.sync_table,
            self.gates.sync,
            self.gates.rejudge,
        )
        self.proxy = self._kept(DnsProxy(loop, self.dns, self.family.subjects, self.conntrack, layout, wall))
        self.help_resolver = self._kept(
            HelpResolver(loop, runtime, config.lan, stays=stays, service=self._help_service)
        )
        path = FilterPath(
            self.packets,
            self.table,
            self.gates,
            self.flows.table,
            self.live,
            self.proxy,
            self.own_answers,
            self.names,
            caches=self._caches,
        )
        self.probe_device = self._kept(
            ProbeDevice(
                self.home, self.effects, self.family, self.presence, path, self.interfaces, self.store.slots
            )
        )
        self.sealed_lists = self._kept(
            SealedListUpdates(self.home, self.effects, self.store.audit.record, self.store.history)
        )

    def _connect(self) -> None:
        """Subscribe the parts of the packet path to events on the bus. Features subscribe their own."""
        subscribe = self.bus.subscribe
        subscribe(ControlEvent, self.control.send)
        subscribe(NeighboursRead, lambda _: self.address_owners.changed())
        subscribe(DevicesMoved, self._devices_moved)
        subscribe(ExaminedChanged, lambda _: self.address_owners.examined_changed())
        subscribe(UplinkChanged, lambda _: self._uplink_changed())
        subscribe(HelpAddressesChanged, lambda _: self._help_moved())
        features = self.features
        jumps = JumpHandler(
            self.effects,
            self.family,
            features.sharing,
            features.adult_devices,
            features.grants,
            features.warnings,
            features.growing,
            self.gates,
            self.decision_log,
        )
        subscribe(Jump, jumps.handle)

    def _start(self) -> None:
        self.saved_addresses.restore()
        self.probe_device.start()
        self.presence.read_owners()
        self.table.install(self.gates.prepare(self._snapshot()), self.handover.take())
        self.guard.taken_over()
        self.guard.keep(self.table.snapshot)
        count_connections()
        self.meter.start()
        self.gates.sync()
        self.gates.rejudge()
        self.meter.refresh()
        self.gates.renew()
        self.table.start_alive()
        for part in (
            self.watch,  # first: if the clock was set meanwhile, the others must not end anything by it
            self.presence,
            self.internet,
            self.features,
            self.vitals,
            self.sealed_lists,
            self.offloading,
            self.address_guard,
            self.good_copy,
        ):
            part.start()
        self.nat64_lookups.want((IPV4_ONLY,))
        self.help.want(self.rules.help_names)
        self.safe.want(self.rules.safe_names)
        self.loop.call_later(0.0, self._verify_table)

    def _build_features(self, router: Router) -> None:
        figure_sources = FigureSources(
            self.packets,
            self.table,
            self.decision_log,
            self.flows,
            self.book,
            self.dns,
            self.rules,
            self.store.figures,
            self.presence.claim,
            self.capacity,
        )
        counters = partial(figures, figure_sources)
        self.vitals = Vitals(
            self.home,
            self.log,
            self.decision_log,
            self.book,
            self.sealed_lists,
            self.internet,
            counters,
            self.problems,
        )
        plane = DataPlane(
            home=self.home,
            effects=self.effects,
            store=self.store,
            watch=self.watch,
            family=self.family,
            visibility=self.visibility,
            presence=self.presence,
            internet=self.internet,
            decision_log=self.decision_log,
            live=self.live,
            guesses=self.guesses,
            addresses=self.book,
            names=self.names,
            repair_book=self.repair_book,
            byte_counts=self.table.used,
            probe_device=self.probe_device,
            vitals=self.vitals,
            figures=counters,
            problems=self.problems,
            live_decisions=self.live_decisions,
        )
        self.features = self._kept(Features(plane, router))
        self._group()
        self.packets.bind(frozenset(self.family.members))

    def _evidence(self) -> Evidence:
        return Evidence(self.flows.table.stats.passed, self.decision_log.questions, self.book.answers)

    def _slots(self) -> Slots:
        """Return the slot (number of a filtered device) of each known address on the LAN; 0: not filtered."""
        return slots_of_addresses(self.family, self.presence.neighbours(), self.interfaces.names)

    def local_now(self) -> datetime:
        return self.home.local_now()

    def _explains(self, host: str, decision: Decision) -> bool:
        watch = self.pages_watch
        return watch is not None and watch.run and is_explained(host, decision, self.rules.world)

    def _services_in_catalogue(self, host: str) -> tuple[str, ...]:
        return self.rules.world.catalogue.services_of(host)

    def _group(self) -> None:
        """Rebuild the household's members (filtered devices) and their decisions from the present rules.

        Delete what is stored about the DNS answers of slots that have another device now, and about the
        recent blocks of those that have another device or person: it belongs to the former one.
        """
        rules, at = self.rules, self.clock.now()
        rules.settle(self.store.held_bands.hold, self.features.self_set.laid)
        changes = self.family.rebuild(self.presence.claim.household, rules.world, rules.calendar, at)
        for slot in changes:
            self.decision_log.recent.forget(slot)
        # The same device keeps the addresses that it has resolved, which its system stores too.
        moved = [slot for slot, change in changes.items() if change is SlotChange.DEVICE]
        for slot in moved:
            for cache in (*self._caches, self.names):
                cache.forget(slot)
        self.family.situate(at)
        self.own_answers.keep(self.family.everybody)
        for slot in moved:
            self.own_answers.teach(slot)

    def _snapshot(self) -> Snapshot:
        """Return the state that the nftables table must have now."""
        ports = self.help_resolver.port, self.proxy.port
        base = desired_snapshot(self.rules, self.interfaces.names, self.help, *ports, self.table.snapshot)
        snapshot = self.gates.snapshot(base)
        return replace(snapshot, owners=self.address_owners.owners(), offload=self.offloading.now)

    # ------------------------------------------------------------------------------------ events

    def _minutes_counted(self) -> None:
        """Update which time rules let traffic pass, and the warnings before time ends.

        Called after a minute counted for a limit, or when the day has changed.
        """
        self.gates.sync()
        self.features.warnings.look()

    def _devices_moved(self, event: DevicesMoved) -> None:
        if not self.family.apart.isdisjoint(event.macs):
            self.presence.regroup_soon()

    def _uplink_changed(self) -> None:
        """Update the packet path and the nftables table after the interface to the internet has changed.

        The interfaces that belong to the LAN may be others now.
        """
        self.packets.face(self.interfaces.names)
        self.sync_table()

    def _calendars_read(self) -> None:
        """Apply the free days that were read from calendars, in several turns of the event loop."""
        in_turns(self.loop, self._calendar_steps())

    def _calendar_steps(self) -> Steps[None]:
        if self.rules.read_calendars():
            yield
            self._regroup()
            yield
            yield from self.table.follow_devices_steps()

    def _help_moved(self) -> None:
        self.help_resolver.serve(self.help.by_name)
        self.sync_table()

    # ------------------------------------------------------------------------------------ effects

    def sync_table(self) -> None:
        self.table.update(self._snapshot())
        if self.family.probe_member is None:  # a filter test's device is there for a minute
            self.guard.keep(self.table.snapshot)

    def regroup(self) -> None:
        self._regroup()
        self.table.follow_devices()

    def _regroup(self) -> None:
        self.meter.settle()
        self._copy_data()
        self._group()
        self.meter.refresh()
        self.packets.bind(frozenset(self.family.members))
        self.sync_table()
        self.offloading.write_report()
        self.gates.sync()
        self.flows.table.forget(settled=True)
        self.gates.rejudge()
        self.probe_device.follow()
        self.help.want(self.rules.help_names)
        self.safe.want(self.rules.safe_names)
        self.features.warnings.look()
        self.decision_log.status_changed(frozenset(self.family.members))

    def reload(self) -> list[str]:
        return finish(self.reload_steps())

    def reload_steps(self) -> Steps[list[str]]:
        """Read rule files and lists again, and apply them, in steps. Return one line for each problem.

        One step applies all rules together. Those before it parse one changed file each. If `qalqan.yaml`
        cannot be used, its last good version applies; without one, PolicyError is raised and the previous
        rules stay in force. Another GatewayError may be raised after the rules were applied, such as
        KernelError.
        """
        yield from self.rules.steps_ahead()
        yield
        self.rules.reload(keep=False)
        storing = self.rules.keep_good_steps()
        self._regroup()
        self.sealed_lists.reloaded()
        self.features.provider_stop.reloaded()
        yield
        yield from self.table.follow_devices_steps()
        yield from storing
        self.loop.call_later(0.0, settle_young)
        self.loop.call_later(0.0, self._verify_table)
        return self.rules.problems()

    def _verify_table(self) -> None:
        """Check the seal of the category table, in several turns of the event loop."""
        in_turns(self.loop, self.rules.verify_table_steps())

    def _copy_data(self) -> None:
        """Update the parts with copies of the packaged data, such as help lines, if it has changed."""
        product = self.rules.product
        if product is self._product:
            return
        self._product = product
        self._services_of.cache_clear()
        self.help.rename(product.help, product.calling)

    def problems(self) -> list[HomeProblem]:
        """Return what does not work as configured: a text for each, with a code by which pages word it."""
        features = self.features
        parts = (
            ("lan_missing", partial(lan.problems, self.rules.household.config.lan)),
            ("pages_missing", self._pages_problems),
            ("household_mistake", self.rules.problems),
            ("overloaded", self.loop.problems),
            ("table_changed", self.table.problems),
            ("not_saved", self.store.problems),
            ("copy_used", self.good_copy.problems),
            ("backup_failed", features.auto_backups.problems),
            ("backup_incomplete", features.auto_backups.left_out_problems),
            ("minutes_not_saved", self.meter.problems),
            ("guard_not_saved", self.guard.problems),
            ("help_resolver", self.help_resolver.problems),
            ("offload_stays", self.offloading.problems),
            ("sealed_problem", self.sealed_lists.problems),
            ("lists_wait", features.list_updates.problems),
            ("address_claimed", features.address_claims.problems),
        )
        return [HomeProblem(code, line) for code, lines in parts for line in lines()]

    def _pages_problems(self) -> list[str]:
        return [] if self.pages_watch is None else self.pages_watch.problems()
