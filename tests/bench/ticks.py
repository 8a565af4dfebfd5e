"""What one look of the meter costs: 50 devices with 63 classes each, 500 connections, a real kernel.

Processor time, the kernel's for us included: the machine may be busy with other things."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import cast

from gateway.core.loop import Loop
from gateway.core.process_memory import settle
from gateway.household.members import Family
from gateway.household.rule_book import RuleBook
from gateway.kernel.conntrack import FlowBytes
from gateway.kernel.marks import MarkLayout
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.table import render
from gateway.kernel.snapshot import MAX_LEASE, PassElement, Slot, Snapshot
from gateway.kernel.usage import Pair, PassCounters, Totals
from gateway.kernel.watch import TableWatch
from gateway.metering.ledgers import Ledgers
from gateway.metering.meter import CounterMark, Meter
from gateway.metering.uses import UseRecorder
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.policy.values import Observation, Proto
from gateway.store.minutes_file import MinutesFile
from tests.bench.figures import Figure, Settings, at_most, percentile
from tests.household.household_files import write
from tests.kernel.home import Namespace

MARK, READ_MARK = 20.0, 12.0
SLOTS, CLASSES, FLOWS = range(1, 51), range(1, 64), 10  # flows of each device, all of which move
LAYOUT = MarkLayout()
PASSES = tuple(PassElement(slot, number, MAX_LEASE) for slot in SLOTS for number in CLASSES)
GATES = frozenset({"device", "bedtime", "internet", "play"})
HOST = "www.youtube.com"


@dataclass
class _Kernel:
    """The table of a home, without the daemon's other work on it."""

    nft: Nft
    counters: PassCounters = field(default_factory=lambda: PassCounters(LAYOUT))

    def __post_init__(self) -> None:
        self.totals = Totals(self.counters)
        self.watch = TableWatch(frozenset({("inet", "qalqan")}), self.totals.ended)

    def used(self) -> Mapping[Pair, int]:
        self.watch.catch_up()
        return self.totals.read()

    def passes(self) -> Iterable[PassElement]:
        return PASSES

    def position(self) -> Mapping[Pair, int]:
        return self.totals.position()

    @property
    def found(self) -> Mapping[Pair, int]:
        return {}

    def count(self, elements: Iterable[PassElement], size: int) -> None:
        """These classes have moved ``size`` bytes since their elements were made."""
        keys = [key for one in elements for key in LAYOUT.pass_keys(one.slot, one.class_number)[:1]]
        listed = ", ".join(f"{key:#x}" for key in keys)
        added = ", ".join(f"{key:#x} counter packets 9 bytes {size} timeout 90s : accept" for key in keys)
        self.nft.apply(
            f"destroy element inet qalqan pass {{ {listed} }}\nadd element inet qalqan pass {{ {added} }}\n"
        )
        self.watch.catch_up()

    def close(self) -> None:
        self.watch.close()
        self.counters.close()
        self.nft.close()


def measure(settings: Settings) -> Iterator[Figure]:
    namespace = Namespace()
    with namespace.inside():
        yield from _measure(settings)
    namespace.close()


def _measure(settings: Settings) -> Iterator[Figure]:
    rounds = settings.times(40, 8)
    kernel = _Kernel(Nft())
    slots = tuple(Slot(number, (), closed=True) for number in SLOTS)
    kernel.nft.apply(render(Snapshot(lan=("lo",), slots=slots, passes=PASSES, native=False)))
    reads = [_milliseconds(kernel.counters.keys) for _ in range(rounds)]
    yield at_most("6,300 counters read and parsed, median", median(reads), "ms", READ_MARK, _slowest(reads))
    senders = _connections(kernel.nft)
    live = LiveFlows()
    _name(live, senders)
    loop = Loop()
    meter = _meter(settings.folder, kernel, live, loop)
    meter.start()
    settle()  # as the daemon does after its start
    few = [one for one in PASSES if one.class_number <= 2]
    for name, elements in (("2 classes of each moved", few), ("all classes moved", PASSES)):
        kernel.count(elements, 1000)  # the elements that were there make way
        _look(meter, loop)
        looks, steps = [], []
        for step in range(rounds):
            kernel.count(elements, 2000 + 40_000 * step)
            for sender, _, _ in senders:
                sender.send(b"x" * 500)
            took = _look(meter, loop)
            looks.append(sum(took))
            steps.append(max(took))
        what = f"a look of the meter, 50 devices × 63 classes, {name}"
        yield Figure(f"{what}, median", median(looks), "ms", note=_slowest(looks))
        yield at_most(f"{what}: longest step, median", median(steps), "ms", MARK, _slowest(steps))
    meter.close()
    kernel.close()
    for sender, _, _ in senders:
        sender.close()


def _look(meter: Meter, loop: Loop) -> list[float]:
    """Return the milliseconds of each step of one reading: packets are decided in between."""
    took = [_milliseconds(meter.tick)]
    while loop._timeout() == 0:
        took.append(_milliseconds(lambda: loop.run_once(0)))
    return took


def _slowest(waits: list[float]) -> str:
    return f"the slowest of {len(waits)}: {percentile(waits, 1):.1f} ms"


def _milliseconds(work: object) -> float:
    assert callable(work)
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1000


def _connections(nft: Nft) -> list[tuple[socket.socket, int, int]]:
    """Datagrams to nobody, each with the mark of its slot's first class; with their slots and ports."""
    marks = ", ".join(f"{1000 + slot} : {LAYOUT.pass_keys(slot, 1)[0]:#x}" for slot in SLOTS)
    nft.apply(
        "table inet senders {\n chain out { type filter hook output priority 0;"
        f" udp dport 1001-1050 ct mark set udp dport map {{ {marks} }}\n }}\n"
        " chain in { type filter hook input priority 0; udp dport 1001-1050 drop; }\n}\n"
    )
    Path("/proc/sys/net/netfilter/nf_conntrack_acct").write_text("1")
    made = []
    for slot in SLOTS:
        for _ in range(FLOWS):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sender.connect(("127.0.0.1", 1000 + slot))
            made.append((sender, slot, sender.getsockname()[1]))
    return made


def _name(live: LiveFlows, senders: list[tuple[socket.socket, int, int]]) -> None:
    home = b"\x7f\0\0\1"
    for _, slot, port in senders:
        seen = Observation(Proto.QUIC, HOST)
        live.put(FlowId(slot, 17, home, port, home, 1000 + slot), LiveFlow((seen,), 1, False))


def _meter(folder: Path, kernel: _Kernel, live: LiveFlows, loop: Loop) -> Meter:
    place = folder / "ticks"
    place.mkdir()
    child = {"name": "Child", "band": "10-12", "devices": [], "limits": {"internet": "20h", "play": "20h"}}
    rules = RuleBook(write(place, {"child": child}))
    profile = rules.household.profile("child")
    members = {
        slot: SimpleNamespace(
            slot=slot, macs=(f"02:00:00:00:01:{slot:02x}",), profile=profile, is_arriving=False
        )
        for slot in SLOTS
    }
    classes = {(one.slot, GATES | {f"window:{one.class_number}"}): one.class_number for one in PASSES}
    books = Ledgers(MinutesFile(place / "minutes", lambda day, totals: None), lambda: rules.world.catalogue)
    return Meter(
        loop,
        kernel,
        FlowBytes(LAYOUT),
        cast(Family, SimpleNamespace(members=members, profiles_in_use=lambda: [profile])),
        books,
        live,
        CounterMark(place / "metered"),
        UseRecorder(live, lambda: rules.world),
        lambda: datetime.now(UTC),
        classes=lambda: classes,
        catalogue=lambda: rules.world.catalogue,
        day_of=rules.calendar.family_day,
        changed=lambda: None,
    )
