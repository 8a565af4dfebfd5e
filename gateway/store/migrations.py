"""The tables, and how an older file becomes a newer one.

``PRAGMA user_version`` says how many of MIGRATIONS a file has seen. sqlite_utils costs 6 to 14 MB of
memory, so it is imported only when one is due. A migration that has shipped is never edited: add another
one below it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.store.newer_tables import (
    add_adult_proofs,
    add_agreements,
    add_alerts,
    add_device_notes,
    add_disputes,
    add_growing,
    add_marks,
    add_questions,
    add_self_set,
    add_sharing,
    add_sights,
    add_uses,
    add_way_cards,
)
from gateway.store.people_tables import add_people, add_tokens

Migration = Callable[[Any], None]


def create_tables(db: Any) -> None:
    """All times are whole seconds of Unix time; a day is ``YYYY-MM-DD``."""
    db["decisions"].create(
        {
            "profile": str,
            "device": str,  # MAC
            "host": str,
            "proto": str,
            "verdict": str,
            "reason": str,
            "rule": str,
            "owner": str,
            "first": int,
            "last": int,
            "times": int,
        },
        strict=True,
    )
    db["decisions"].create_index(["profile", "last"])
    db["decisions"].create_index(["last"])
    db["counts"].create(
        # profile is empty in the totals of the whole home
        {"day": str, "profile": str, "category": str, "verdict": str, "times": int},
        pk=("day", "profile", "category", "verdict"),
        strict=True,
    )
    db["pauses"].create({"who": str, "since": int, "until": int, "by": str}, pk="who", strict=True)
    db["grants"].create(
        {"id": int, "who": str, "day": str, "minutes": int, "service": str, "at": int, "by": str},
        pk="id",
        strict=True,
    )
    db["switches"].create({"name": str, "since": int, "until": int, "by": str}, pk="name", strict=True)
    db["audit"].create({"at": int, "who": str, "what": str, "detail": str, "origin": str}, strict=True)
    db["audit"].create_index(["at"])
    db["guardians"].create({"name": str, "stamp": str}, pk="name", strict=True)
    db["devices"].create(
        {"mac": str, "name": str, "place": str, "until": int, "first_seen": int, "last_seen": int},
        pk="mac",
        strict=True,
    )
    db["slots"].create({"mac": str, "slot": int, "used": int}, pk="mac", strict=True)
    db["classes"].create({"slot": int, "gates": str, "class": int}, pk=("slot", "gates"), strict=True)


def add_bands(db: Any) -> None:
    """The highest band that each profile ever held."""
    db["bands"].create({"profile": str, "band": str}, pk="profile", strict=True)


def add_answers(db: Any) -> None:
    """Extra time by gates in place of bare minutes; opened sites, requests, and codes on paper."""
    db["extensions"].create(
        {
            "id": int,
            "grant": int,  # of what was given at once
            "who": str,
            "day": str,
            "gate": str,
            "minutes": int,
            "until": int,  # null: beyond the limit of the day
            "service": str,
            "at": int,
            "by": str,
            "kind": str,
            "ended": int,  # 1: taken back
        },
        pk="id",
        strict=True,
    )
    db.execute(
        'INSERT INTO extensions ("grant", who, day, gate, minutes, until, service, at, by, kind, ended) '
        "SELECT id, who, day, CASE WHEN service IS NULL THEN 'internet' ELSE 'service:' || service END, "
        "minutes, NULL, service, at, by, 'grant', 0 FROM grants"
    )
    db["grants"].drop()
    db["openings"].create(
        {"id": int, "grant": int, "who": str, "entry": str, "until": int, "at": int, "by": str},
        pk="id",
        strict=True,
    )
    db["requests"].create(
        {
            "id": int,
            "who": str,
            "device": str,  # MAC
            "topic": str,
            "thing": str,
            "minutes": int,
            "reason": str,
            "at": int,
            "expires": int,
            "times": int,
            "state": str,
            "reminded": int,
            "answer": str,
            "given": int,
            "because": str,
            "by": str,
            "answered": int,
            "grant": int,
        },
        pk="id",
        strict=True,
    )
    db["tickets"].create(
        {
            "hash": str,
            "salt": str,
            "minutes": int,
            "who": str,  # null: any child
            "made": int,
            "by": str,
            "until": int,
            "used": int,
            "used_by": str,
        },
        pk="hash",
        strict=True,
    )


def add_minutes(db: Any) -> None:
    """Minutes that persons used, by limit, of days that are over."""
    db["minutes"].create(
        {"day": str, "profile": str, "gate": str, "minutes": int},
        pk=("day", "profile", "gate"),
        strict=True,
    )


def add_spans(db: Any) -> None:
    """How each kept end goes with the clock when that jumps; of older rows by what their ends look like.

    What was counted from a tap ends a whole number of minutes after it; a time of day mostly does not. The
    minutes of a grant that ends later than they last come after a boundary.
    """
    for table in ("pauses", "openings"):
        db[table].add_column("span", str, not_null_default="lasting")
    for table in ("pauses", "openings", "switches", "extensions", "tickets"):
        db[table].add_column("sure", int, not_null_default=1)  # 1: set while the clock was known
    db["extensions"].add_column("boundary", int)  # null: counted from the tap
    db.execute("UPDATE pauses SET span = 'of day' WHERE (until - since) % 60 != 0")
    db.execute("UPDATE openings SET span = 'of day' WHERE (until - at) % 60 != 0")
    db.execute(
        "UPDATE extensions SET boundary = until - 60 * minutes "
        "WHERE until IS NOT NULL AND until - 60 * minutes >= at + 60"
    )


def add_batches(db: Any) -> None:
    """Codes that were made at once are listed and withdrawn at once; older ones by what is alike."""
    db["tickets"].add_column("batch", str, not_null_default="")
    db.execute(
        "UPDATE tickets SET batch = (SELECT substr(min(hash), 1, 8) FROM tickets AS other WHERE "
        "(other.made, other.by, other.minutes) = (tickets.made, tickets.by, tickets.minutes) "
        "AND other.who IS tickets.who)"
    )


def add_times(db: Any) -> None:
    """What a jump of the clock needs of guests and requests as well."""
    db["devices"].add_column("placed", int)  # null: it does not end by itself
    db.execute("UPDATE devices SET placed = until - 86400 WHERE until IS NOT NULL")
    for table in ("devices", "requests"):
        db[table].add_column("sure", int, not_null_default=1)  # 1: said while the clock was known


def add_week_minutes(db: Any) -> None:
    """Create the table of the minutes of the running week that limits need after an erasure."""
    db["week_minutes"].create(
        {"day": str, "profile": str, "gate": str, "minutes": int},
        pk=("day", "profile", "gate"),
        strict=True,
    )


MIGRATIONS: tuple[Migration, ...] = (
    create_tables, add_bands, add_answers, add_minutes, add_spans, add_batches,
    add_times, add_sights, add_questions, add_way_cards, add_device_notes, add_sharing, add_uses,
    add_marks, add_disputes, add_people, add_alerts, add_tokens, add_growing, add_adult_proofs,
    add_self_set, add_agreements, add_week_minutes,
)  # fmt: skip

# Tables that say what holds, as opposed to what happened: these are saved out of a broken file.
STATE_TABLES = (
    "pauses", "switches", "guardians", "devices", "slots", "classes", "audit", "bands", "extensions",
    "openings", "requests", "tickets", "sights", "questions", "faces", "labels", "lent",
    "pins", "no_mobile_data", "sessions", "announcements", "proposals", "alerts", "tokens", "growing",
    "adult_proofs", "self_set", "agreements", "week_minutes",
)  # fmt: skip


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_due(path: Path) -> bool:
    """Whether opening the file would run migrations. A file that cannot be read is left to who opens it."""
    if not path.exists():
        return True
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    except sqlite3.DatabaseError:
        return False
    try:
        return version(connection) < len(MIGRATIONS)
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


class _Held:
    """The connection as sqlite_utils may have it: older ones (3.38 of Debian 13) end a transaction that they
    did not begin, wherever they say ``with connection``.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> _Held:
        return self

    def __exit__(self, *_: object) -> None:
        """Whether it is kept or not, ``migrate`` says."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file up to date; each migration happens whole or not at all."""
    done = version(connection)
    if done >= len(MIGRATIONS):
        return
    import sqlite_utils

    held: Any = _Held(connection)
    for number, migration in enumerate(MIGRATIONS[done:], start=done + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            migration(sqlite_utils.Database(held))
            connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
