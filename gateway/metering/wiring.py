"""Builds the meter from the daemon's parts, and switches on the kernel's counters of connections."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from gateway.core.errors import KernelError
from gateway.dataplane.kernel_table import KernelTable
from gateway.household.context import HomeContext
from gateway.household.members import Family
from gateway.household.rule_book import RuleBook
from gateway.kernel.conntrack import FlowBytes, enable_accounting
from gateway.metering.counter_mark import FILE, Mark
from gateway.metering.ledgers import Ledgers
from gateway.metering.meter import Meter
from gateway.metering.uses import Uses
from gateway.path.live_flows import LiveFlows
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.time.schedule import week_limits
from gateway.store.flash_wear import Wear
from gateway.store.minutes_file import FOLDER, SERVICE, MinutesFile, Record, UseRecord, spent
from gateway.store.store import ActivityErased, Store
from gateway.store.tables.history import uses

_log = logging.getLogger(__name__)


def ledgers(home: HomeContext, store: Store, wear: Wear) -> Ledgers:
    """Build the ledgers of the family's day, with their file in the state folder."""
    rules = home.rules
    file = MinutesFile(
        Path(rules.household.config.state) / FOLDER,
        lambda day, records: fold(day, records, store, rules),
        sync_every=wear.sync_every,
    )

    books = Ledgers(file, lambda: rules.world.catalogue, store.minutes.kept_for_week)

    def erase(event: ActivityErased) -> None:
        if event.running:
            store.minutes.drop_for_week(event.profile)
        elif event.past and books.day is not None:
            first = rules.calendar.first_of_week(books.day)
            profile = rules.household.find(event.profile)
            weekly = {} if profile is None else week_limits(profile.rules)
            totals = books.past_totals(event.profile, first)
            store.minutes.keep_for_week({key: total for key, total in totals.items() if key[2] in weekly})
        file.erase(event.profile, past=event.past, running=event.running)
        books.forget_totals()

    home.bus.subscribe(ActivityErased, erase)
    return books


def metering(
    home: HomeContext,
    table: KernelTable,
    connections: FlowBytes,
    family: Family,
    books: Ledgers,
    store: Store,
    live: LiveFlows,
    *,
    changed: Callable[[], None],
) -> Meter:
    """Build the meter. `Meter.start` begins, once the table is installed."""
    rules = home.rules
    return Meter(
        home.loop,
        table,
        connections,
        family,
        books,
        live,
        Mark(Path(rules.household.config.runtime) / FILE),
        Uses(live, lambda: rules.world),
        home.clock.now,
        classes=store.classes,
        catalogue=lambda: rules.world.catalogue,
        day_of=lambda at: rules.calendar.family_day(at),
        changed=changed,
    )


def fold(day: date, records: Sequence[Record], store: Store, rules: RuleBook) -> None:
    """Store the totals of a day that is over.

    That is the minutes by limit and, as far as a person's log level allows, by category and service. Services
    that no limit counted need the level of visits.
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
    """Switch on the kernel's counters of connections, for the services in ledgers. Minutes count without them
    too.
    """
    try:
        if enable_accounting():
            _log.info("the kernel counts each connection from now on (nf_conntrack_acct)")
    except KernelError as error:
        _log.warning("%s", error)
