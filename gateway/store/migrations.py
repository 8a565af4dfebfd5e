"""Creates the tables of the database, and migrates files of older versions.

``PRAGMA application_id`` is the number of MIGRATIONS applied to a file. ``PRAGMA user_version`` is how many
of them a program must know to use the file, so that the previous version can use it too (READABLE_FROM).
sqlite_utils takes 6 to 14 MB of memory, so it is imported only when a migration is due. A released migration
is never edited: add a new one at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

Migration = Callable[[Any], None]


def create_tables(db: Any) -> None:
    """Create the first tables. Times are whole seconds of Unix time; a day is ``YYYY-MM-DD``."""
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
        # profile is empty in the totals of the whole household
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
    """Create the table of the highest age group that each profile ever had."""
    db["bands"].create({"profile": str, "band": str}, pk="profile", strict=True)


def add_answers(db: Any) -> None:
    """Replace the table of extra minutes by extra time per time rule ("gate").

    Also create the tables of opened sites, requests and printed codes.
    """
    db["extensions"].create(
        {
            "id": int,
            "grant": int,  # number of the grant, shared by its rows
            "who": str,
            "day": str,
            "gate": str,
            "minutes": int,
            "until": int,  # null: in addition to the daily limit
            "service": str,
            "at": int,
            "by": str,
            "kind": str,
            "ended": int,  # 1: revoked
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
    """Create the table of the used minutes of past days, by profile and time rule ("gate")."""
    db["minutes"].create(
        {"day": str, "profile": str, "gate": str, "minutes": int},
        pk=("day", "profile", "gate"),
        strict=True,
    )


def add_spans(db: Any) -> None:
    """Add columns that say how each stored end follows a clock change. Derive them for existing rows.

    A duration ends a whole number of minutes after its start; a time of day mostly does not. The minutes of
    a grant that ends later than its duration start at a boundary.
    """
    for table in ("pauses", "openings"):
        db[table].add_column("span", str, not_null_default="lasting")
    for table in ("pauses", "openings", "switches", "extensions", "tickets"):
        db[table].add_column("sure", int, not_null_default=1)  # 1: set while the clock was known
    db["extensions"].add_column("boundary", int)  # null: counted from the moment of the grant
    db.execute("UPDATE pauses SET span = 'of day' WHERE (until - since) % 60 != 0")
    db.execute("UPDATE openings SET span = 'of day' WHERE (until - at) % 60 != 0")
    db.execute(
        "UPDATE extensions SET boundary = until - 60 * minutes "
        "WHERE until IS NOT NULL AND until - 60 * minutes >= at + 60"
    )


def add_batches(db: Any) -> None:
    """Add a column for the batch of printed codes. Codes made together for one child become one batch."""
    db["tickets"].add_column("batch", str, not_null_default="")
    db.execute(
        "UPDATE tickets SET batch = (SELECT substr(min(hash), 1, 8) FROM tickets AS other WHERE "
        "(other.made, other.by, other.minutes) = (tickets.made, tickets.by, tickets.minutes) "
        "AND other.who IS tickets.who)"
    )


def add_times(db: Any) -> None:
    """Add the columns that clock changes need: start and clock trust of device assignments (place).

    Requests get the clock trust only.
    """
    db["devices"].add_column("placed", int)  # null: not known
    db.execute("UPDATE devices SET placed = until - 86400 WHERE until IS NOT NULL")
    for table in ("devices", "requests"):
        db[table].add_column("sure", int, not_null_default=1)  # 1: set while the clock was known


def add_week_minutes(db: Any) -> None:
    """Create the table of minutes that limits of longer periods need after a profile's data is erased."""
    db["week_minutes"].create(
        {"day": str, "profile": str, "gate": str, "minutes": int},
        pk=("day", "profile", "gate"),
        strict=True,
    )


def add_sights(db: Any) -> None:
    """Create the table of what devices report about themselves, such as names and DHCP options.

    Lists are separated by spaces, names by newlines.
    """
    texts = ("mac", "host_name", "named_by", "vendor_class", "options", "vendor", "kind", "interface_ids",
             "addresses", "names", "services", "model", "behind")  # fmt: skip
    db["sights"].create({**dict.fromkeys(texts, str), "hop_limit": int}, pk="mac", strict=True)


def add_questions(db: Any) -> None:
    """Create the tables of questions to guardians about devices, and of the traits of confirmed devices."""
    db["questions"].create(
        {
            "mac": str,
            "ask": str,
            "at": int,
            "profile": str,
            "known": str,  # MAC
            "signs": str,
            "face": str,  # JSON, as in faces
            "back": int,
            "settled": int,
        },
        pk="mac",
        strict=True,
    )
    db["faces"].create({"mac": str, "faces": str}, pk="mac", strict=True)


def add_way_cards(db: Any) -> None:
    """Create the table of notices (cards) about blocked bypass methods: one for each device, method and day.

    They are stored from log level 1 on.
    """
    db["way_cards"].create(
        {
            "mac": str,
            "way": str,
            "day": str,
            "profile": str,
            "topic": str,
            "at": int,  # null: the log level keeps no time
            "host": str,
            "proto": str,
            "sure": int,
            "level": int,
            "solved": int,
            "dismissed": int,
        },
        pk=("mac", "way", "day"),
        strict=True,
    )


def add_device_notes(db: Any) -> None:
    """Create the tables of device labels, and of the addresses that devices had."""
    db["labels"].create({"mac": str, "label": str}, pk="mac", strict=True)
    db["addresses"].create(
        {"mac": str, "address": str, "first": int, "last": int}, pk=("mac", "address"), strict=True
    )


def add_sharing(db: Any) -> None:
    """Create the tables of temporary users of devices and of children's PINs.

    Also add a column to questions: whether the user of the device claims to be an adult.
    """
    uses = {"mac": str, "who": str, "kind": str, "since": int, "until": int, "by": str}
    db["lent"].create(uses, pk="mac", strict=True)
    db["pins"].create({"who": str, "salt": str, "hash": str, "at": int, "by": str}, pk="who", strict=True)
    db["questions"].add_column("adult", int, not_null_default=0)


def add_uses(db: Any) -> None:
    """Create the table of minutes of past days by service (kept 7 days) and category (kept 30 days)."""
    db["uses"].create(
        {"day": str, "profile": str, "use": str, "minutes": int},
        pk=("day", "profile", "use"),
        strict=True,
    )


def add_marks(db: Any) -> None:
    """Create the table of devices that a guardian marked as having no mobile data."""
    db["no_mobile_data"].create({"mac": str}, pk="mac", strict=True)


def add_disputes(db: Any) -> None:
    """Add a column to requests: the start of the counted minutes that a child disputes."""
    db["requests"].add_column("since", int)  # null: not a dispute


def add_growing(db: Any) -> None:
    """Create the table of each child's latest change to the next age group: proposed, postponed or done."""
    texts = ("profile", "name", "band", "month", "state", "until", "reason", "put_off_by", "by")
    numbers = ("since", "seen", "taken", "undo", "revision")  # taken is null until then
    db["growing"].create(
        {**dict.fromkeys(texts, str), **dict.fromkeys(numbers, int)}, pk="profile", strict=True
    )


def add_self_set(db: Any) -> None:
    """Create the table of time rules that children of 16 and 17 set for themselves; `said` is JSON."""
    db["self_set"].create(
        {"profile": str, "key": str, "said": str, "at": int}, pk=("profile", "key"), strict=True
    )


def add_agreements(db: Any) -> None:
    """Create the table of agreements on a child's rules: by, time, digest of the rules, pending consent."""
    texts = ("profile", "digest", "by", "asked", "side", "asker")
    db["agreements"].create({**dict.fromkeys(texts, str), "at": int, "since": int}, pk="profile", strict=True)


def add_alerts(db: Any) -> None:
    """Create the table of the notification settings of each guardian; `said` is JSON."""
    db["alerts"].create({"guardian": str, "said": str}, pk="guardian", strict=True)


def add_adult_proofs(db: Any) -> None:
    """Create the table of devices with a temporary adult proof: method, start and end."""
    db["adult_proofs"].create(
        {"mac": str, "method": str, "at": int, "until": int, "by": str, "span": str, "sure": int},
        pk="mac",
        strict=True,
    )


def add_people(db: Any) -> None:
    """Add roles and passwords to guardians; create the tables of sessions, announcements and proposals.

    Existing guardians keep their role, without a password. Sessions of the old format (a stamp in a cookie)
    end, since they could not be listed.
    """
    guardians = db["guardians"]
    guardians.add_column("role", str, not_null_default="guardian")
    for column in ("secret", "recovery"):  # hashes
        guardians.add_column(column, str, not_null_default="")
    for column in ("minutes", "came"):
        guardians.add_column(column, int, not_null_default=0)
    db.execute("UPDATE guardians SET came = 1")
    db.execute("ALTER TABLE guardians DROP COLUMN stamp")
    ends = {"until": int, "sure": int}
    db["sessions"].create(
        {"key": str, "name": str, "device": str, "since": int, **ends}, pk="key", strict=True
    )
    db["announcements"].create({"told": str, "name": str, "device": str, "at": int, **ends}, strict=True)
    db["proposals"].create(
        {"name": str, "role": str, "minutes": int, "by": str, "at": int}, pk="name", strict=True
    )


def add_tokens(db: Any) -> None:
    """Create the table of API tokens of guardians; `used` and `until` are null for never."""
    words, times = (
        {"key": str, "name": str, "label": str, "role": str},
        {"since": int, "used": int, "until": int},
    )
    db["tokens"].create({**words, **times, "sure": int}, pk="key", strict=True)


def add_audit_counts(db: Any) -> None:
    """Add to audit lines how often the same was done within a minute."""
    db["audit"].add_column("count", int, not_null_default=1)


def add_new_sign_ins(db: Any) -> None:
    """Add to sessions the browser's name, and whether the person has confirmed the sign-in."""
    db["sessions"].add_column("browser", str, not_null_default="")
    db["sessions"].add_column("confirmed", int, not_null_default=1)


def add_second_factor(db: Any) -> None:
    """Add to accounts the second factor: secret, last used step, and digests of backup codes."""
    db["guardians"].add_column("totp", str, not_null_default="")
    db["guardians"].add_column("totp_step", int, not_null_default=0)
    db["guardians"].add_column("backup_codes", str, not_null_default="")


def add_attempts(db: Any) -> None:
    """Create the table of attempts that are limited per day, by kind and key."""
    db["attempts"].create({"kind": str, "key": str, "at": int}, strict=True)


def add_passkeys(db: Any) -> None:
    """Add to accounts the list of their passkeys, as JSON."""
    db["guardians"].add_column("passkeys", str, not_null_default="")


def add_wrong_blocks(db: Any) -> None:
    """Add to requests the blocked host, and whether the child says that it was blocked by mistake."""
    db["requests"].add_column("host", str, not_null_default="")
    db["requests"].add_column("wrong", int, not_null_default=0)


def count_attempts(db: Any) -> None:
    """Add to decisions and daily counts how many attempts of a person and in the background they were.

    Earlier rows have numbers of packets only. Each counts as one attempt of a person: too few
    rather than too many.
    """
    for table in ("decisions", "counts"):
        db[table].add_column("attempts", int, not_null_default=1)
        db[table].add_column("background", int, not_null_default=0)


def add_push_subscriptions(db: Any) -> None:
    """Create the table of browsers that get messages by Web Push, of guardians and of children's devices."""
    texts = ("endpoint", "p256dh", "auth", "language", "guardian", "profile", "device")
    db["push_subscriptions"].create(dict.fromkeys(texts, str), pk="endpoint", strict=True)


def add_asked_stops(db: Any) -> None:
    """Add a column to the table of switches: the end that the provider's setting gave for its stop."""
    db["switches"].add_column("asked", int)


MIGRATIONS: tuple[Migration, ...] = (
    create_tables, add_bands, add_answers, add_minutes, add_spans, add_batches,
    add_times, add_sights, add_questions, add_way_cards, add_device_notes, add_sharing, add_uses,
    add_marks, add_disputes, add_people, add_alerts, add_tokens, add_growing, add_adult_proofs,
    add_self_set, add_agreements, add_week_minutes, add_audit_counts, add_new_sign_ins, add_second_factor,
    add_attempts, add_passkeys, add_wrong_blocks, count_attempts, add_push_subscriptions,
    add_asked_stops,
)  # fmt: skip

# A program that knows this many migrations can use a file with all of them: the later ones add only tables,
# and columns with defaults. Raise it for a migration that changes more, and with each release to the number
# of migrations of the release before.
READABLE_FROM = 31

# Tables of state, as opposed to history: these are copied out of a damaged file.
STATE_TABLES = (
    "pauses", "switches", "guardians", "devices", "slots", "classes", "audit", "bands", "extensions",
    "openings", "requests", "tickets", "sights", "questions", "faces", "labels", "lent",
    "pins", "no_mobile_data", "sessions", "announcements", "proposals", "alerts", "tokens", "growing",
    "adult_proofs", "self_set", "agreements", "week_minutes", "attempts", "push_subscriptions",
)  # fmt: skip


# The header of a database file: https://www.sqlite.org/fileformat2.html#the_database_header
HEADER_BYTES = 100
_MAGIC, _FRACTIONS, _USER_VERSION, _APPLICATION_ID = slice(0, 16), slice(21, 24), slice(60, 64), slice(68, 72)


def version(connection: sqlite3.Connection) -> int:
    """Return how many of the database migrations were applied to the open file.

    Files of before 2026-12 have the number in the user version only.
    """
    return max(needed(connection), int(connection.execute("PRAGMA application_id").fetchone()[0]))


def needed(connection: sqlite3.Connection) -> int:
    """Return how many of the database migrations a program must know to use the open file.

    It may be fewer than were applied: later ones only add tables, or columns with defaults.
    """
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_due(path: Path) -> bool:
    """Return whether opening the database would create, migrate or replace the file ``path``."""
    done = applied(path)
    return done is None or done < len(MIGRATIONS)


def applied(path: Path) -> int | None:
    """Return how many migrations were applied to a file, without opening it as a database.

    0 if it is missing or empty, None if it is unreadable or no SQLite file.
    """
    numbers = _numbers(path)
    return None if numbers is None else max(numbers)


def is_newer(path: Path) -> bool:
    """Return whether this program knows too few migrations to use the file."""
    numbers = _numbers(path)
    return numbers is not None and numbers[0] > len(MIGRATIONS)


def _numbers(path: Path) -> tuple[int, int] | None:
    """Return the user version and the application id of a file; both are 0 if it is missing or empty.

    None if it is unreadable or no SQLite file. It reads the file's header: a connection would leave a
    write-ahead log, as an unclean shutdown does.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
    except FileNotFoundError:
        return 0, 0
    except OSError:
        return None
    if not head:
        return 0, 0
    if (head[_MAGIC], head[_FRACTIONS]) != (b"SQLite format 3\0", bytes((64, 32, 32))):
        return None
    return int.from_bytes(head[_USER_VERSION], "big"), int.from_bytes(head[_APPLICATION_ID], "big")


class _Held:
    """Wraps a connection so that ``with connection`` neither commits nor rolls back.

    sqlite_utils 3.38 (Debian 13) uses ``with connection``, which would end the transaction of
    `migrate`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> _Held:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: ``migrate`` commits or rolls back."""


def _tables(connection: sqlite3.Connection) -> Any:
    """Return the object by which migrations reach tables: that of sqlite_utils, or `PlainDatabase`.

    The latter is used where sqlite_utils is not installed.
    """
    try:
        import sqlite_utils
    except ModuleNotFoundError:
        from gateway.store.plain_tables import PlainDatabase

        return PlainDatabase(connection)
    return sqlite_utils.Database(cast("sqlite3.Connection", _Held(connection)))


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that the database does not have yet, in one transaction.

    On an error, the transaction is rolled back and the error raised again.
    """
    done = version(connection)
    if done >= len(MIGRATIONS):
        return
    database = _tables(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for migration in MIGRATIONS[done:]:
            migration(database)
        connection.execute(f"PRAGMA user_version = {READABLE_FROM}")
        connection.execute(f"PRAGMA application_id = {len(MIGRATIONS)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
