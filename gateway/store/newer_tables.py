"""Newer migrations, listed in `migrations`. A released one is never edited."""

from __future__ import annotations

from typing import Any


def add_sights(db: Any) -> None:
    """Add what devices report about themselves. Lists are separated by spaces, names by newlines."""
    texts = ("mac", "host_name", "named_by", "vendor_class", "options", "vendor", "kind", "interface_ids",
             "addresses", "names", "services", "model", "behind")  # fmt: skip
    db["sights"].create({**dict.fromkeys(texts, str), "hop_limit": int}, pk="mac", strict=True)


def add_questions(db: Any) -> None:
    """Add questions about devices, and the known traits of confirmed MAC addresses."""
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
    """Add cards about blocked bypass methods, one for each device, method and day; from log level 1 on."""
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
    """Add labels of devices, and the addresses that devices had."""
    db["labels"].create({"mac": str, "label": str}, pk="mac", strict=True)
    db["addresses"].create(
        {"mac": str, "address": str, "first": int, "last": int}, pk=("mac", "address"), strict=True
    )


def add_sharing(db: Any) -> None:
    """Add temporary users of devices, PINs of children, and the adult claim of a question."""
    uses = {"mac": str, "who": str, "kind": str, "since": int, "until": int, "by": str}
    db["lent"].create(uses, pk="mac", strict=True)
    db["pins"].create({"who": str, "salt": str, "hash": str, "at": int, "by": str}, pk="who", strict=True)
    db["questions"].add_column("adult", int, not_null_default=0)


def add_uses(db: Any) -> None:
    """Add minutes of past days by service (kept 7 days) and category (kept 30 days)."""
    db["uses"].create(
        {"day": str, "profile": str, "use": str, "minutes": int},
        pk=("day", "profile", "use"),
        strict=True,
    )


def add_marks(db: Any) -> None:
    """Add devices that a guardian marked as having no mobile data."""
    db["no_mobile_data"].create({"mac": str}, pk="mac", strict=True)


def add_disputes(db: Any) -> None:
    """Add the start of the disputed minutes to requests."""
    db["requests"].add_column("since", int)  # null: not a dispute


def add_growing(db: Any) -> None:
    """Add each child's latest age transition: proposed, postponed or taken."""
    texts = ("profile", "name", "band", "month", "state", "until", "reason", "put_off_by", "by")
    numbers = ("since", "seen", "taken", "undo", "revision")  # taken is null until then
    db["growing"].create(
        {**dict.fromkeys(texts, str), **dict.fromkeys(numbers, int)}, pk="profile", strict=True
    )


def add_self_set(db: Any) -> None:
    """Add settings that children of 16 and 17 made for themselves; `said` is JSON."""
    db["self_set"].create(
        {"profile": str, "key": str, "said": str, "at": int}, pk=("profile", "key"), strict=True
    )


def add_agreements(db: Any) -> None:
    """Add agreements on a child's rules: by whom, when, a digest of the rules, and a pending consent."""
    texts = ("profile", "digest", "by", "asked", "side", "asker")
    db["agreements"].create({**dict.fromkeys(texts, str), "at": int, "since": int}, pk="profile", strict=True)


def add_alerts(db: Any) -> None:
    """Add the notification settings of each guardian; `said` is JSON."""
    db["alerts"].create({"guardian": str, "said": str}, pk="guardian", strict=True)


def add_adult_proofs(db: Any) -> None:
    """Add devices with a temporary adult proof: method, start and end."""
    db["adult_proofs"].create(
        {"mac": str, "method": str, "at": int, "until": int, "by": str, "span": str, "sure": int},
        pk="mac",
        strict=True,
    )
