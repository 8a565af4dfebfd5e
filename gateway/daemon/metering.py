"""The meter put together from the daemon's parts, and the kernel told to count each connection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

from gateway.daemon.family import Family
from gateway.daemon.meter import Meter
from gateway.daemon.meter_books import Books
from gateway.daemon.meter_mark import FILE, Mark
from gateway.daemon.rules import RuleBook
from gateway.daemon.table import KernelTable
from gateway.errors import KernelError
from gateway.kernel.flowbytes import FlowBytes, switch_on_accounting
from gateway.loop import Loop
from gateway.path.live import LiveFlows
from gateway.store.history import uses
from gateway.store.minutes import FOLDER, SYNC_EVERY, MinutesFile, spent
from gateway.store.records import Record
from gateway.store.store import Store

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
    sync_every: float = SYNC_EVERY,
) -> Meter:
    """``sync_every``: seconds that a power cut may cost; 60 where flash is poor. `Meter.start` begins, once
    the table is installed.
    """
    config = rules.household.config

    def fold(day: date, records: Sequence[Record]) -> None:
        """The book of a day that is over. Of a person without a log there is how much alone."""
        logged = {one.id for one in rules.household.children if one.rules.log_level}
        found = uses(records, rules.world.catalogue.kinds_of)
        store.minutes.keep(day, spent(records))
        store.history.keep(day, {key: count for key, count in found.items() if key[0] in logged})

    file = MinutesFile(Path(config.state) / FOLDER, fold, sync_every=sync_every)
    store.erases_too(file.erase)
    return Meter(
        loop,
        table,
        connections,
        family,
        Books(file, lambda: rules.world.catalogue),
        live,
        Mark(Path(config.runtime) / FILE),
        wall,
        classes=store.classes,
        catalogue=lambda: rules.world.catalogue,
        day_of=lambda at: rules.calendar.family_day(at),
        changed=changed,
    )


def count_connections() -> None:
    """Switch on what the ledger's services come from; without it minutes count all the same."""
    try:
        if switch_on_accounting():
            _log.info("the kernel counts each connection from now on (nf_conntrack_acct)")
    except KernelError as error:
        _log.warning("%s", error)
