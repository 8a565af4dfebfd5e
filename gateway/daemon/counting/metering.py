"""The meter put together from the daemon's parts, and the kernel told to count each connection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

from gateway.daemon.counting.books import Books
from gateway.daemon.counting.mark import FILE, Mark
from gateway.daemon.counting.meter import Meter
from gateway.daemon.counting.uses import Uses
from gateway.daemon.devices.family import Family
from gateway.daemon.files.rules import RuleBook
from gateway.daemon.table import KernelTable
from gateway.errors import KernelError
from gateway.kernel.flowbytes import FlowBytes, switch_on_accounting
from gateway.loop import Loop
from gateway.path.live import LiveFlows
from gateway.policy.loglevels import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.store.history import SERVICE, uses
from gateway.store.minutes import FOLDER, MinutesFile, spent
from gateway.store.records import Record, UseRecord
from gateway.store.store import Store
from gateway.store.wear import Wear

_log = logging.getLogger(__name__)


def metering(
    loop: Loop,
    table: KernelTable,
    connections: FlowBytes,
    family: Family,
    rules: RuleBook,
    store: Store,
    live: LiveFlows,
    wall: Callable[[], datetime],
    *,
    changed: Callable[[], None],
    wear: Wear,
) -> Meter:
    """`Meter.start` begins, once the table is installed."""
    config = rules.household.config
    file = MinutesFile(
        Path(config.state) / FOLDER,
        lambda day, records: fold(day, records, store, rules),
        sync_every=wear.sync_every,
    )
    store.erases_too(file.erase)
    return Meter(
        loop,
        table,
        connections,
        family,
        Books(file, lambda: rules.world.catalogue),
        live,
        Mark(Path(config.runtime) / FILE),
        Uses(live, lambda: rules.world),
        wall,
        classes=store.classes,
        catalogue=lambda: rules.world.catalogue,
        day_of=lambda at: rules.calendar.family_day(at),
        changed=changed,
    )


def fold(day: date, records: Sequence[Record], store: Store, rules: RuleBook) -> None:
    """Keep of a day that is over how much counted for each limit, and, as far as a person's log level goes,
    for which kinds and services the minutes went. Services that no limit counted are of the level of visits.
    """
    levels = {one.id: one.rules.log_level for one in rules.household.children}
    logged = {key for key, level in levels.items() if level >= KINDS_LEVEL}
    store.minutes.keep(day, {key: minutes for key, minutes in spent(records).items() if key[0] in logged})
    kept = [
        one
        for one in records
        if not (isinstance(one, UseRecord) and one.use.startswith(SERVICE))
        or levels.get(one.profile, 0) >= VISITS_LEVEL
    ]
    found = uses(kept, rules.world.catalogue.kinds_of)
    store.history.keep(
        day,
        {
            (profile, use): minutes
            for (profile, use), minutes in found.items()
            if levels.get(profile, 0) >= (NAMES_LEVEL if use.startswith(SERVICE) else KINDS_LEVEL)
        },
    )


def count_connections() -> None:
    """Switch on what the ledger's services come from; without it minutes count all the same."""
    try:
        if switch_on_accounting():
            _log.info("the kernel counts each connection from now on (nf_conntrack_acct)")
    except KernelError as error:
        _log.warning("%s", error)
