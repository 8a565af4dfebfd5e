"""The provider's stop switch: `provider:` in qalqan.yaml → the time until which the filter is to stop."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

LONGEST_STOP = timedelta(hours=24)  # of one stop; `ProviderStop.reloaded` and the verb `off` cut a later end
BETWEEN_STOPS = timedelta(hours=24)  # from the end of a stop to the earliest begin of the next


def read_stop(node: Node) -> datetime | None:
    """Return until when the provider stops the filter, from a YAML node; None: no stop.

    LONGEST_STOP is not checked. Raises PolicyError for an unknown key, or a text that is no time with an
    offset.
    """
    return fields.Fields(fields.mapping(node), ("stop_until",)).read("stop_until", _moment, None)


def _moment(node: Node) -> datetime:
    word = fields.text(node)
    try:
        read = datetime.fromisoformat(word)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        node.place.refuse(
            f"{shown(word)} is no time with an offset from UTC", "write it like 2026-12-01T21:00+05:00"
        )
    return read.replace(microsecond=0)  # as the database stores it
