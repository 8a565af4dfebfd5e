"""A migration: roles, passwords and sessions beside the names of guardians."""

from __future__ import annotations

from typing import Any


def add_people(db: Any) -> None:
    """Roles, passwords and sessions; who was a guardian is one, without a password yet.

    A stamp in a cookie was a session before: those end, since nobody could list them.
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
    """By which programs ask in a guardian's name; `used` and `until` are null where they never are."""
    words, times = (
        {"key": str, "name": str, "label": str, "role": str},
        {"since": int, "used": int, "until": int},
    )
    db["tokens"].create({**words, **times, "sure": int}, pk="key", strict=True)
