"""Tables that came later: the newer functions of the list in `migrations`, under the same law."""

from __future__ import annotations

from typing import Any


def add_sights(db: Any) -> None:
    """What devices say of themselves. Lists are texts with spaces between, names one a line."""
    texts = ("mac", "host_name", "named_by", "vendor_class", "options", "vendor", "kind", "interface_ids",
             "addresses", "names", "services", "model", "behind")  # fmt: skip
    db["sights"].create({**dict.fromkeys(texts, str), "hop_limit": int}, pk="mac", strict=True)


def add_questions(db: Any) -> None:
    """What the family is asked about devices, and the faces of addresses that it vouched for."""
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
    """Cards about closed ways, one a device, way and day; of log levels from 1 on alone."""
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
    """What guardians call devices, and the addresses that devices had."""
    db["labels"].create({"mac": str, "label": str}, pk="mac", strict=True)
    db["addresses"].create(
        {"mac": str, "address": str, "first": int, "last": int}, pk=("mac", "address"), strict=True
    )


def add_sharing(db: Any) -> None:
    """Who uses a device for a while, children's PINs, and who says to be an adult."""
    uses = {"mac": str, "who": str, "kind": str, "since": int, "until": int, "by": str}
    db["lent"].create(uses, pk="mac", strict=True)
    db["pins"].create({"who": str, "salt": str, "hash": str, "at": int, "by": str}, pk="who", strict=True)
    db["questions"].add_column("adult", int, not_null_default=0)


def add_uses(db: Any) -> None:
    """For which services (7 days) and kinds (30 days) the minutes of days that are over went."""
    db["uses"].create(
        {"day": str, "profile": str, "use": str, "minutes": int},
        pk=("day", "profile", "use"),
        strict=True,
    )


def add_marks(db: Any) -> None:
    """Devices that have no mobile data, as a guardian says."""
    db["no_mobile_data"].create({"mac": str}, pk="mac", strict=True)


def add_disputes(db: Any) -> None:
    """Requests about minutes of the ledger: when those begin."""
    db["requests"].add_column("since", int)  # null: it is about something else


def add_growing(db: Any) -> None:
    """Each child's latest step into the next age band: proposed, put off or taken."""
    texts = ("profile", "name", "band", "month", "state", "until", "reason", "put_off_by", "by")
    numbers = ("since", "seen", "taken", "undo", "revision")  # taken is null before it was
    db["growing"].create(
        {**dict.fromkeys(texts, str), **dict.fromkeys(numbers, int)}, pk="profile", strict=True
    )


def add_self_set(db: Any) -> None:
    """What children of 16 and 17 set for themselves; `said` is JSON."""
    db["self_set"].create(
        {"profile": str, "key": str, "said": str, "at": int}, pk=("profile", "key"), strict=True
    )


def add_agreements(db: Any) -> None:
    """Who has agreed on a child's rules, when, and a digest of them; and a yes that waits for another."""
    texts = ("profile", "digest", "by", "asked", "side", "asker")
    db["agreements"].create({**dict.fromkeys(texts, str), "at": int, "since": int}, pk="profile", strict=True)


def add_alerts(db: Any) -> None:
    """Where each guardian is told what; `said` is JSON."""
    db["alerts"].create({"guardian": str, "said": str}, pk="guardian", strict=True)


def add_adult_proofs(db: Any) -> None:
    """Devices that are an adult's for a while, by what, and until when."""
    db["adult_proofs"].create(
        {"mac": str, "method": str, "at": int, "until": int, "by": str, "span": str, "sure": int},
        pk="mac",
        strict=True,
    )
