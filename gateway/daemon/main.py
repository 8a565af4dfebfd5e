"""The composition root: builds everything, owns the event loop and the signals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path

from gateway.clock import WallClock
from gateway.control.server import ControlServer, WebUser
from gateway.daemon import lan
from gateway.daemon.answers import Answers
from gateway.daemon.audit import Audit
from gateway.daemon.clock.jumped import jumped
from gateway.daemon.clock.watch import ClockWatch
from gateway.daemon.closers import Closers
from gateway.daemon.counting.metering import count_connections, metering
from gateway.daemon.devices.adults import Adults
from gateway.daemon.devices.family import Family
from gateway.daemon.devices.identities import Identities
from gateway.daemon.devices.owned import Owned
from gateway.daemon.devices.presence import Presence
from gateway.daemon.devices.sharing import Sharing
from gateway.daemon.enforcer import Enforcer
from gateway.daemon.events import Journal
from gateway.daemon.eyes import Eyes
from gateway.daemon.files.restoring import recover_files
from gateway.daemon.files.rules import RuleBook
from gateway.daemon.growing import Growing
from gateway.daemon.guardfile import GuardFile
from gateway.daemon.internet import Evidence, HeardBook, Internet
from gateway.daemon.lessons import Lessons
from gateway.daemon.memory import in_a_child, settle
from gateway.daemon.names.addresses import HelpAddresses, SafeAddresses
from gateway.daemon.names.dnsproxy import DnsProxy
from gateway.daemon.names.helpdns import HelpResolver
from gateway.daemon.names.lookups import resolvers
from gateway.daemon.names.ownanswers import OwnAnswers
from gateway.daemon.offloading import offloading
from gateway.daemon.paths import dns_path, flow_path, packet_path
from gateway.daemon.sealing import Sealing
from gateway.daemon.selfset import SelfSetting
from gateway.daemon.table import KernelTable
from gateway.daemon.unseen import Slots, slots_of_addresses
from gateway.daemon.verbs import clock as clockverbs
from gateway.daemon.verbs.accounts import guardians, tell_unclaimed
from gateway.daemon.verbs.table import Verbs
from gateway.daemon.vitals import Vitals
from gateway.daemon.wanted import on_moved, wanted
from gateway.daemon.warned import WarnedHome
from gateway.daemon.warnings import Warnings
from gateway.files import SOCKET, make_folder
from gateway.kernel.flowbytes import FlowBytes
from gateway.kernel.snapshot import Snapshot
from gateway.loop import Loop
from gateway.path.addresses import ServiceBook
from gateway.path.live import LiveFlows
from gateway.path.nameaddresses import NameBook
from gateway.path.probes import Probes
from gateway.policy.config import Config
from gateway.store import migrations
from gateway.store.store import Store
from gateway.store.wear import wear

DATABASE = "qalqan.db"
HOSTS_KEPT = 1024  # with their services, 200 bytes each: devices ask for the same names again and again


class Daemon:
    """Everything that runs, in the order in which it depends on each other."""

    def __init__(self, path: Path, *, clock: WallClock | None = None, keep_guard: bool = False) -> None:
        """``keep_guard``: a clean stop leaves the boot guard in the place of the table."""
        self.loop = Loop()
        self.clock = clock or WallClock()
        self._keeps_guard = keep_guard
        closers = Closers()
        self.close, self._kept = closers.close, closers.keep
        self._kept(self.loop)
        try:
            self._build(path)
        except BaseException:
            self.close()
            raise

    def _build(self, path: Path) -> None:
        loop = self.loop
        self.vitals = self._kept(Vitals(self))
        recover_files(path)
        self.rules = RuleBook(path)
        config = self.rules.household.config
        state, runtime = Path(config.state), Path(config.runtime)
        for folder in (state, runtime):
            make_folder(folder)
        self.rules.keep_good()
        played, self.clock.offset = clockverbs.played(), self.clock.offset + clockverbs.ahead()
        self.watch = self._kept(
            ClockWatch(loop, self.clock, state, runtime, partial(jumped, self), played=played)
        )
        day_starts, self.wear = timedelta(minutes=config.day_starts), wear(config.flash)
        if migrations.is_due(state / DATABASE):
            in_a_child(lambda: Store(state / DATABASE, day_starts=day_starts).close())
        self.store = self._kept(Store(state / DATABASE, day_starts=day_starts, wear=self.wear))
        self.self_set = SelfSetting(self)
        self.book, self.names = HeardBook(), NameBook()
        self.live, self.probes = LiveFlows(), Probes()
        self.sharing = self._kept(Sharing(self))
        self.adults = self._kept(Adults(self))
        self.services = ServiceBook(lru_cache(HOSTS_KEPT)(self._services_of), loop.now)
        kept = (self.store, self.book, self.services)
        self.family = Family(
            *kept,
            loop.now,
            self._class_number,
            names=self.names,
            clock_known=lambda: self.watch.known,
            where=lambda mac: self.presence.interface_of(mac),
        )
        self._build_paths(config)
        # Where another daemon or another program is at work, the next two fail, and nothing is touched.
        self._serve(runtime)
        self._bind(config)
        self._build_table(config, runtime)
        self._start()
        tell_unclaimed(self)

    def _build_paths(self, config: Config) -> None:
        """What judges packets, and what is told of it."""
        loop, wall = self.loop, self.clock.now
        self.presence = self._kept(Presence(loop, self.store, self.rules, wall, self.reassign, self.family))
        self.journal = Journal(self.store, self.family, wall, self.rules)
        self.own_answers = self._kept(OwnAnswers(loop, resolvers(), self.book, self.names))
        self.flows = flow_path(self)
        self.safe = self._kept(SafeAddresses(loop, self.book, resolvers()))
        self.help = self._kept(
            HelpAddresses(loop, self.book, resolvers(), self._help_moved, self.rules.world)
        )
        self.dns = dns_path(self, config)
        self.internet = self._kept(Internet(loop, config.lan, self._evidence, wall))
        self.identities = self._kept(Identities(self, self.presence.inventory))
        self.presence.inventory.watchers.append(self.identities)

    def _bind(self, config: Config) -> None:
        """The queues: packets may come from now on, once the table sends them."""
        self.packets = self._kept(packet_path(self, config))
        self._regroup()
        self.packets.bind(frozenset(self.family.members))

    def _build_table(self, config: Config, runtime: Path) -> None:
        """What the kernel does, and what keeps it in step."""
        loop, wall, layout = self.loop, self.clock.now, self.packets.layout
        state, stays = Path(config.state), self._keeps_guard
        self.guard = self._kept(GuardFile(loop, state, runtime, self.help, self.wear, stays=stays))
        bare = Snapshot(lan=config.lan, arm=True, queue_base=config.queue_base, layout=layout)
        self.table = self._kept(KernelTable(loop, bare, self._slots, self.guard.left_behind))
        self.offloading = self._kept(offloading(self))
        self.owned = self._kept(
            Owned(loop, self.presence.owners, self.family.slot_of, self.table, lambda: self.inside)
        )
        self.presence.readdressed = self.owned.changed
        self.enforcer = self._kept(
            Enforcer(loop, self.table, self.family, self.store, self.live, wall, self._moved)
        )
        self.connections = self._kept(FlowBytes(layout))
        self.meter = self._kept(
            metering(
                *(loop, self.table, self.connections, self.family, self.rules, self.store, self.live, wall),
                changed=self._minutes_counted,
                wear=self.wear,
            )
        )
        self.family.minutes = self.meter
        self.proxy = self._kept(
            DnsProxy(loop, self.dns, self.family.subjects, self.table.conntrack, layout, wall)
        )
        self.help_resolver = self._kept(HelpResolver(runtime, config.lan))
        self.audit = self._kept(Audit(self))
        self.sealing = self._kept(Sealing(self))

    def _start(self) -> None:
        self.presence.read_owners()
        self.table.install(self._snapshot())
        self.guard.taken_over()
        self.guard.keep(self.table.snapshot)
        count_connections()
        self.meter.start()
        self.enforcer.sync()
        self.meter.refresh()
        self.enforcer.renew()
        self.table.start_alive()
        parts = self.presence, self.internet, self.answers, self.warnings, self.sharing, self.watch
        later = self.growing, self.vitals, self.sealing, self.adults, self.offloading
        for start in (one.start for one in (*parts, *later)):
            start()
        self.help.want(self.rules.help_names)
        self.safe.want(self.rules.safe_names)

    def _serve(self, runtime: Path) -> None:
        self.answers = self._kept(Answers(self))
        self.warnings = self._kept(Warnings(WarnedHome(self), self.loop.call_later))
        self.growing = self._kept(Growing(self))
        verbs = self._kept(Verbs(self, guardians(self), self.answers))
        self.lessons = self._kept(Lessons(self))
        self.control = self._kept(
            ControlServer(self.loop, runtime / SOCKET, verbs.table(), web=WebUser.found())
        )
        self.presence.may_tell = Eyes(self).is_exact
        self.journal.publish = self.presence.publish = self.internet.publish = self.control.publish
        self.internet.moved = on_moved(self)

    def _evidence(self) -> Evidence:
        return Evidence(self.flows.table.stats.passed, self.journal.questions, self.book.answers)

    def _slots(self) -> Slots:
        """Whose the addresses on the LAN are now."""
        return slots_of_addresses(self.family, self.presence.neighbours(), self.inside)

    @property
    def inside(self) -> tuple[str, ...]:
        """The interfaces that face the home now."""
        return (*self.rules.household.config.lan, *self.audit.interfaces)

    def local_now(self) -> datetime:
        """As the home's clocks show it."""
        return self.clock.now().astimezone(self.rules.household.config.zone)

    def _minutes_counted(self) -> None:
        """A minute ended that somebody has used, or the day turned."""
        self.enforcer.sync()
        self.warnings.look()

    def _services_of(self, host: str) -> tuple[str, ...]:
        return self.rules.world.catalogue.services_of(host)

    def _class_number(self, slot: int, gates: frozenset[str]) -> int:
        return self.enforcer.class_number(slot, gates)

    def _regroup(self) -> None:
        """Make members and judges from the rules as they are now."""
        rules, at = self.rules, self.clock.now()
        rules.settle(self.store.hold_band, self.self_set.laid)
        rules.attach(self.help.knows, self.safe.knows, self.help.calls)
        self.family.rebuild(self.presence.claim.household, rules.world, rules.calendar, at)
        self.family.situate(at)
        self.own_answers.keep(self.family.everybody)

    def _snapshot(self) -> Snapshot:
        """What the kernel's table shall say now."""
        ports = self.help_resolver.port, self.proxy.port
        base = wanted(self.rules, self.inside, self.help, *ports, self.table.snapshot)
        told = self.enforcer.snapshot(base)
        return replace(told, owners=self.owned.owners(), offload=self.offloading.now)

    def apply(self) -> None:
        self.table.update(self._snapshot())
        if self.family.worn is None:  # an audit's device is there for a minute
            self.guard.keep(self.table.snapshot)

    def _help_moved(self) -> None:
        self.help_resolver.serve(self.help.by_name)
        self.apply()

    def _moved(self, slots: frozenset[int]) -> None:
        """Gates of these slots opened or closed."""
        for slot in slots:
            self.flows.table.forget(slot, settled=True)
        self.meter.refresh()
        self.journal.moved(slots)

    def reassign(self) -> None:
        """A device's place or a rule file changed: group everybody anew, judge running flows again."""
        self.meter.settle()
        self._regroup()
        self.meter.refresh()
        self.packets.bind(frozenset(self.family.members))
        self.apply()
        self.enforcer.sync()
        self.flows.table.forget(settled=True)
        self.enforcer.rejudge()
        self.audit.follow()
        self.table.follow_devices()
        self.help.want(self.rules.help_names)
        self.safe.want(self.rules.safe_names)
        self.warnings.look()
        self.journal.status_changed(frozenset(self.family.members))

    def reload(self) -> list[str]:
        """Read rule files and lists again; what is broken keeps its last good version. The problems."""
        self.rules.reload()
        self.reassign()
        self.sealing.reloaded()
        settle()
        return self.rules.problems()

    def problems(self) -> list[str]:
        """One line for each thing that is not as the family's files say."""
        parts = self.rules, self.store, self.meter, self.sealing, self.guard
        interfaces = lan.problems(self.rules.household.config.lan)
        return [*interfaces, *(line for one in parts for line in one.problems())]
