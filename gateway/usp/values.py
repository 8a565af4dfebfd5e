"""The state of the filter as values of the data model.

The records name the fields of `status` that are read. The rest, such as children and devices, is left out
when the answer is decoded, so no value can be about a person.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gateway import __version__
from gateway.control.contract.status import STATUS, ProviderCounters
from gateway.control.schema import record
from gateway.policy.support_code import stopped_code, support_code
from gateway.usp.model import MODEL, STATUS_KEY, STOPPED, ValueType
from gateway.usp.settings import UspSettings

UNKNOWN_TIME = "0001-01-01T00:00:00Z"  # of a time that is not set (TR-106, section 3.2)
_EMPTY = {
    ValueType.TEXT: "",
    ValueType.FLAG: "false",
    ValueType.TIME: UNKNOWN_TIME,
    ValueType.COUNT: "0",
    ValueType.BINARY: "",
}


@record
class KnownClock:
    known: bool


@record
class ResidentMemory:
    resident: int  # bytes


@record
class EntryCount:
    names: int


@record
class FeedFacts:
    version: int
    checked: datetime | None
    problem: str


@record
class ListFacts:
    newest: datetime | None
    failures: int
    feed: FeedFacts | None = None


@record
class Approvals:
    support: datetime | None  # until when; None: not approved
    switch: datetime | None


@record
class FilterState:
    """The fields of the daemon's `status` response that are about the filter as a whole."""

    version: str
    mode: str
    off_until: datetime | None
    internet: str
    problems: tuple[str, ...]
    uptime: int
    clock: KnownClock
    memory: ResidentMemory
    table: EntryCount
    lists: ListFacts
    provider: Approvals | None = None
    counters: ProviderCounters | None = None  # None: a parent has not approved them


FILTER_STATE = STATUS.returning(FilterState)


def stopped_values(settings: UspSettings) -> dict[str, str]:
    """Return the data model's values, by key, to report while the daemon does not respond.

    The status is ``Stopped``; values that only the daemon knows have the empty value of their type.
    """
    empty = {entry.key: _EMPTY[entry.type] for part in MODEL for entry in part.parameters}
    shown = {name: getattr(settings, name) for name in ("brand_name", "brand_support", "feed_url")}
    code = stopped_code(__version__)
    known = {STATUS_KEY: STOPPED, "version": __version__, "support_code": code, "internet": "Unknown"}
    return {**empty, **shown, **known}


def values_of(state: FilterState, settings: UspSettings) -> dict[str, str]:
    """Return the value of each parameter of the USP data model by its key, in the text form of TR-106."""
    off, feed = state.mode == "off", state.lists.feed
    counters = {} if state.counters is None else vars(state.counters)
    return {
        **stopped_values(settings),
        "enabled": _flag(not off),
        STATUS_KEY: "Off" if off else "Running",
        "off_until": _time(state.off_until),
        "version": state.version,
        "support_code": support_code(
            state.version,
            internet=state.internet,
            off=off,
            clock_known=state.clock.known,
            problems=len(state.problems),
        ),
        "switch_until": _time(None if state.provider is None else state.provider.switch),
        "support_until": _time(None if state.provider is None else state.provider.support),
        "internet": state.internet.capitalize(),
        "clock_known": _flag(state.clock.known),
        "uptime": str(state.uptime),
        "problems": str(len(state.problems)),
        "memory": str(state.memory.resident // 1024),
        "feed_version": str(0 if feed is None else feed.version),
        "feed_checked": _time(None if feed is None else feed.checked),
        "feed_failed": _flag(feed is not None and feed.problem != ""),
        "list_names": str(state.table.names),
        "lists_updated": _time(state.lists.newest),
        "list_failures": str(state.lists.failures),
        **{key: str(value) for key, value in counters.items()},
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _time(value: datetime | None) -> str:
    return UNKNOWN_TIME if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
