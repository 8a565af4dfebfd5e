"""The composition root: builds everything, owns the event loop and the signals."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from gateway.clock import WallClock
from gateway.control.guardians import Guardians
from gateway.control.server import ControlServer, WebUser
from gateway.daemon import lan
from gateway.daemon.addresses import HelpAddresses, SafeAddresses
from gateway.daemon.answers import Answers
from gateway.daemon.dnsproxy import DnsProxy
from gateway.daemon.enforcer import Enforcer
from gateway.daemon.events import Journal
from gateway.daemon.family import EVERYONE, Family
from gateway.daemon.helpdns import HelpResolver
from gateway.daemon.internet import Evidence, HeardBook, Internet
from gateway.daemon.lookups import resolvers
from gateway.daemon.memory import in_a_child, settle
from gateway.daemon.packets import PacketPath, go_first
from gateway.daemon.presence import Presence
from gateway.daemon.rules import RuleBook
from gateway.daemon.signals import Signals
from gateway.daemon.table import KernelTable
from gateway.daemon.unseen import Slots, slots_of_addresses
from gateway.daemon.verbs import Verbs
from gateway.daemon.warned import WarnedHome
from gateway.daemon.warnings import Warnings
from gateway.errors import GatewayError
from gateway.files import DEFAULT_CONFIG, SOCKET, make_folder
from gateway.kernel.marks import MarkLayout
from gateway.kernel.snapshot import Snapshot
from gateway.loop import Loop
from gateway.notify import Notifier
from gateway.path.dns import DnsPath, Style
from gateway.path.flows import FlowPath
from gateway.path.live import FlowId, LiveFlows
from gateway.policy.config import Config, DnsRefusal
from gateway.store import migrations
from gateway.store.store import Store
from gateway.wire.flows import FlowTable

FLUSH = 1.0  # seconds between two looks at what is to be written
PURGE = 3600.0
DATABASE = "qalqan.db"

_log = logging.getLogger(__name__)


class Daemon:
    """Everything that runs, in the order in which it depends on each other."""

    def __init__(self, path: Path, *, clock: WallClock | None = None) -> None:
        self.loop = Loop()
        self.clock = clock or WallClock()
        self._closers: list[Callable[[], None]] = [self.loop.close]
        try:
            self._build(path)
        except BaseException:
            self.close()
            raise

    def _build(self, path: Path) -> None:
        loop, wall = self.loop, self.clock.now
        self.rules = RuleBook(path)
        config = self.rules.household.config
        state, runtime = Path(config.state), Path(config.runtime)
        for folder in (state, runtime):
            make_folder(folder)
        self.rules.keep_good()
        day_starts = timedelta(minutes=config.day_starts)
        if migrations.is_due(state / DATABASE):
            in_a_child(lambda: Store(state / DATABASE, day_starts=day_starts).close())
        self.store = Store(state / DATABASE, day_starts=day_starts)
        self._closers.append(self.store.close)
        self.book = HeardBook()
        self.live = live = LiveFlows()
        self.family = Family(self.store, self.book, loop.now, self._class_number)
        self.presence = Presence(
            loop, self.store, config, wall, lambda: self.rules.household.named, self.reassign
        )
        self.journal = Journal(self.store, self.family, wall, config.zone, self.rules)
        self.flows = FlowPath(
            FlowTable(
                ech_names=self.rules.ech_names,
                forgotten=lambda key: self.enforcer.refuse(FlowId(*key)),
            ),
            live,
            sink=self.journal.decided,
            refused_page=self.journal.refused_page,
            reclass=lambda flow, changed: self.enforcer.reclass(flow, changed),
            uploads=lambda flow: self.enforcer.uploads(flow),
        )
        servers = resolvers()
        self.safe = SafeAddresses(loop, self.book, servers)
        self._closers.append(self.safe.close)
        self.dns = DnsPath(
            pages=lan.PAGES_PACKED,
            sentence=self.journal.short,
            sink=self.journal.decided,
            book=self.book,
            style=Style.NULL if config.dns_refusal is DnsRefusal.ZERO else Style.NXDOMAIN,
            safe=self.safe,
        )
        self.internet = Internet(loop, config.lan, self._evidence, wall)
        self._closers.append(self.internet.close)
        # Where another daemon or another program is at work, the next two fail, and nothing is touched.
        self._serve(runtime)
        layout = MarkLayout(config.marks.packet, config.marks.ct, config.marks.slot)
        self.packets = self._queues(config, layout)
        self._closers.append(self.packets.close)
        self._regroup()
        self.packets.bind(frozenset(self.family.members))
        bare = Snapshot(lan=config.lan, queue_base=config.queue_base, layout=layout)
        self.table = KernelTable(loop, bare, self._slots)
        self._closers.append(self.table.close)
        self.enforcer = Enforcer(loop, self.table, self.family, self.store, live, wall, self._moved)
        self._closers.append(self.enforcer.close)
        self.proxy = DnsProxy(loop, self.dns, self.family.subjects, self.table.conntrack, layout, wall)
        self._closers.append(self.proxy.close)
        self.help = HelpAddresses(loop, self.book, servers, self._help_moved)
        self._closers.append(self.help.close)
        self.help_resolver = HelpResolver(runtime, config.lan)
        self._closers.append(self.help_resolver.close)
        self.table.install(self._snapshot())
        self.enforcer.sync()
        self.enforcer.renew()
        self.table.start_alive()
        self.presence.start()
        self.internet.start()
        self.answers.start()
        self.warnings.start()
        self.help.want(self.rules.help_names)
        self.safe.want(self.rules.safe_names)

    def _serve(self, runtime: Path) -> None:
        guardians = Guardians(self.store, self.loop.now, self._audited)
        self.answers = Answers(self)
        self._closers.append(self.answers.close)
        self.warnings = Warnings(WarnedHome(self), self.loop.call_later)
        self._closers.append(self.warnings.close)
        verbs = Verbs(self, guardians, self.answers)
        self.control = ControlServer(self.loop, runtime / SOCKET, verbs.table(), web=_web_user())
        self._closers.append(self.control.close)
        self.journal.publish = self.presence.publish = self.internet.publish = self.control.publish

    def _evidence(self) -> Evidence:
        return Evidence(self.flows.table.stats.passed, self.journal.questions, self.book.answers)

    def _queues(self, config: Config, layout: MarkLayout) -> PacketPath:
        return PacketPath(
            self.loop,
            layout,
            config.queue_base,
            config.lan,
            flows=self.flows,
            dns=self.dns,
            subjects=self.family.subjects,
            wall=self.clock.now,
        )

    def _slots(self) -> Slots:
        """Whose the addresses on the LAN are now."""
        return slots_of_addresses(self.family, self.presence.neighbours(), self.rules.household.config.lan)

    def local_now(self) -> datetime:
        """As the home's clocks show it."""
        return self.clock.now().astimezone(self.rules.household.config.zone)

    def _audited(self, what: str, whom: str) -> None:
        self.store.audit(what, whom, by="console", at=self.clock.now())

    def _class_number(self, slot: int, gates: frozenset[str]) -> int:
        return self.enforcer.class_number(slot, gates)

    def _regroup(self) -> None:
        """Make members and judges from the rules as they are now."""
        self.rules.limit_logs(self.store.hold_band)
        self.rules.attach(
            help_address=lambda host, address: self.help.knows(host, address),
            safe_address=lambda name, address: self.book.knows(name, address, self.loop.now()),
        )
        self.family.rebuild(self.rules.household, self.rules.world, self.rules.calendar, self.clock.now())
        self.family.situate(self.clock.now())

    def _snapshot(self) -> Snapshot:
        """What the kernel's table shall say now."""
        config = self.rules.household.config
        base = Snapshot(
            lan=config.lan,
            queue_base=config.queue_base,
            layout=self.table.snapshot.layout,
            dns_port=self.proxy.port,
            dns_for_everyone=self.rules.binds_everyone,
            pages=lan.PAGES,
            page_port=config.web.port,
            help4=tuple(sorted(a for a in map(_text, self.help.addresses) if ":" not in a)),
            help6=tuple(sorted(a for a in map(_text, self.help.addresses) if ":" in a)),
            help_dns_port=self.help_resolver.port,
            protocols=(50,),
        )
        return self.enforcer.snapshot(base)

    def _apply(self) -> None:
        self.table.update(self._snapshot())

    def _help_moved(self) -> None:
        self.help_resolver.serve(self.help.by_name)
        self._apply()

    def _moved(self, slots: frozenset[int]) -> None:
        """Gates of these slots opened or closed."""
        for slot in slots:
            self.flows.table.forget(slot, settled=True)
        self.journal.status_changed(slots)

    def reassign(self) -> None:
        """A device's place or a rule file changed: group everybody anew, judge running flows again."""
        self._regroup()
        self.packets.bind(frozenset(self.family.members))
        self._apply()
        self.enforcer.sync()
        self.flows.table.forget(settled=True)
        self.enforcer.rejudge()
        self.table.follow_devices()
        self.help.want(self.rules.help_names)
        self.safe.want(self.rules.safe_names)
        self.warnings.look()
        self.journal.status_changed(frozenset(self.family.members))

    def reload(self) -> list[str]:
        """Read rule files and lists again; what is broken keeps its last good version. The problems."""
        self.rules.reload()
        self.reassign()
        settle()
        return self.rules.problems()

    def problems(self) -> list[str]:
        """One line for each thing that is not as the family's files say."""
        interfaces = lan.problems(self.rules.household.config.lan)
        return [*self.rules.problems(), *interfaces, *self.store.problems()]

    def run(self, signals: Signals) -> int:
        """Until SIGTERM or SIGINT."""
        notifier = Notifier.from_environment()
        go_first()
        self.loop.on_readable(signals, lambda: self._signalled(signals, notifier))
        self._flush()
        self._purge()
        self._watchdog(notifier)
        settle()
        notifier.send("READY=1")
        for line in lan.problems(self.rules.household.config.lan):
            _log.warning("%s", line)
        _log.info(
            "ready: %d devices in %d profiles, %s",
            len(self.family.members),
            len(self.rules.household.profiles),
            self.table.backend,
        )
        self.loop.run()
        notifier.send("STOPPING=1")
        self.close()
        return 0

    def _signalled(self, signals: Signals, notifier: Notifier) -> None:
        for number in signals.received():
            if number == signal.SIGHUP:
                notifier.send("RELOADING=1")
                self._reload_or_say()
                notifier.send("READY=1")
            else:
                self.loop.stop()

    def _reload_or_say(self) -> None:
        """What of the files cannot be used is reported by the book of rules."""
        try:
            self.reload()
        except GatewayError as error:
            _log.error("%s; what held before holds on", error)

    def _flush(self) -> None:
        self.store.flush(self.loop.now())
        self.loop.call_later(FLUSH, self._flush)

    def _purge(self) -> None:
        more = self.store.purge(self.local_now())
        self.store.flush_devices()
        self.loop.call_later(FLUSH if more else PURGE, self._purge)

    def _watchdog(self, notifier: Notifier) -> None:
        if notifier.watchdog_period is None:
            return
        notifier.send("WATCHDOG=1")
        self.loop.call_later(notifier.watchdog_period, lambda: self._watchdog(notifier))

    def close(self) -> None:
        """Undo what was done, last first; what cannot be undone keeps nothing else from it."""
        while self._closers:
            try:
                self._closers.pop()()
            except GatewayError as error:
                _log.error("%s", error)


def _text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def _web_user() -> WebUser | None:
    """The user of the web process, where there is one; else the pages run as we do."""
    try:
        return WebUser.named("qalqan-web")
    except GatewayError:
        return None


def run(path: Path = DEFAULT_CONFIG) -> int:
    """`qalqan run`. Raises GatewayError, one line, where it cannot run."""
    signals = Signals()
    try:
        return Daemon(path).run(signals)
    finally:
        signals.close()


__all__ = ["EVERYONE", "Daemon", "run"]
