"""Reads and checks a hotline's contact record and a provider's transparency report.

See docs/providers/isp-sealed.md. Every key is required; write "none" for a text without content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from gateway.policy.names.categories import translations
from gateway.policy.sealed.appeals import WORKING_DAYS, Figures
from gateway.policy.time.time_text import calendar_date
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node

FRESH = timedelta(days=180)  # a record must have been compared with the hotline's own page within this time
MOST = 1 << 40  # of any figure

LINKS = ("report", "contest", "deterrence", "image_removal", "help_line", "source")


def parse_record(source: str | bytes, file: str, today: date) -> Mapping[str, Any]:
    """Return the contact record of a hotline (YAML text) as key → value.

    Raises PolicyError if it is invalid or incomplete, or was not verified within FRESH before ``today``.
    """
    keys = ("name", *LINKS, "first_days", "second_days", "verified_on", "by")
    part = fields.Fields(parse_document(source, file), keys)
    read: dict[str, Any] = {"name": translations(part.need("name"))}
    read |= {key: fields.https_url(part.need(key), "write an address of https://") for key in LINKS}
    for key in ("first_days", "second_days"):
        read[key] = fields.integer(part.need(key), 1, WORKING_DAYS)
    node = part.need("verified_on")
    read["verified_on"] = day = calendar_date(fields.text(node), node.place)
    if not today - FRESH <= day <= today:
        node.place.refuse(
            f"is no day of the last {FRESH.days}", "compare it with the hotline's own page again"
        )
    read["by"] = fields.text(part.need("by"))
    return read


def _count(node: Node) -> int:
    return fields.integer(node, 0, MOST)


def _date(node: Node) -> date:
    return calendar_date(fields.text(node), node.place)


# Key → its label in the report, and its reader; in the order of the report.
REPORT: Mapping[str, tuple[str, Callable[[Node], Any]]] = {
    "provider": ("Provider", fields.text),
    "from": ("From", _date),
    "until": ("Until", _date),
    "maker": ("Maker of the list", fields.text),
    "licence": ("Licence", fields.text),
    "since": ("Since", _date),
    "whole_domains": ("Whole domains alone", fields.flag),
    "sets_made": ("Sets made", _count),
    "longest_gap_hours": ("Longest time between two, hours", _count),
    "gateways_expired": ("Gateways on which one had expired", _count),
    "names_at_begin": ("Names at the beginning", _count),
    "names_added": ("Added", _count),
    "names_taken": ("Taken away", _count),
    "refusals": ("Refusals, all gateways together, with malware and phishing", _count),
    "orders": ("Orders of authorities to add anything else, and what was answered", fields.text),
    "leaks": ("Leaks that are known of, and what was done", fields.text),
    "outside": ("Who looked at this from outside, and when", fields.text),
}


def parse_report(source: str | bytes, file: str) -> Mapping[str, Any]:
    """Return a provider's transparency report (YAML text) as key → value.

    Raises PolicyError for missing or unknown keys, invalid values, and inconsistent days or figures.
    """
    document = parse_document(source, file)
    part = fields.Fields(document, tuple(REPORT))
    read = {key: how(part.need(key)) for key, (_, how) in REPORT.items()}
    if read["until"] < read["from"]:
        part.need("until").place.refuse("is before its beginning", "write the days of the report")
    if read["names_taken"] > read["names_at_begin"] + read["names_added"]:
        part.need("names_taken").place.refuse("are more than there were", "look at the figures again")
    return read


def written_report(read: Mapping[str, Any], contested: Figures) -> list[str]:
    """Return a transparency report as lines of text. ``contested``: the figures about appeals."""
    lines = [f"{title}: {_shown(read[key])}" for key, (title, _) in REPORT.items()]
    at_end = read["names_at_begin"] + read["names_added"] - read["names_taken"]
    lines.insert(list(REPORT).index("names_taken") + 1, f"Names at the end: {at_end}")
    lines += [
        f"Contested entries: {contested.received} received, {contested.stays} right, "
        f"{contested.taken_away} wrong, {contested.open} open",
        f"Median working days of the first look: {_shown(contested.days_first)}",
        f"Median working days of the second look: {_shown(contested.days_second)}",
    ]
    return lines


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
