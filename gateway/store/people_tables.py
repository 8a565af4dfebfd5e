"""Migrations of accounts: roles, passwords, sessions and tokens."""

from __future__ import annotations

from typing import Any


def add_people(db: Any) -> None:
    """Add roles, passwords and sessions. Existing guardians keep their role, without a password.

    Sessions of the old format (a stamp in a cookie) end, since they could not be listed.
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
    """Add API tokens of guardians; `used` and `until` are null for never."""
    words, times = (
        {"key": str, "name": str, "label": str, "role": str},
        {"since": int, "used": int, "until": int},
    )
    db["tokens"].create({**words, **times, "sure": int}, pk="key", strict=True)
