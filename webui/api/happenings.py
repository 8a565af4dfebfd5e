"""The data of each kind of event that the API sends. Other fields of the daemon's events are left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from gateway.control.schema import record


@record
class StatusEvent:
    """A child's state has changed, or an action or event concerns children or the home, such as a pause."""

    profile: str | None  # the child, of a change of state or `erase`
    # pause, resume, grant, revoke, off, on, stop, erase, internet, address, pages; null: a change of state
    what: str | None
    who: tuple[str, ...]  # targets of a guardian's action: children, a device, `all`
    until: datetime | None
    internet: str | None  # the state of the internet connection, of `internet`
    by: str | None


@record
class GrantEvent:
    profile: str
    grant: int
    by: str
    sentence: str


@record
class LandingEvent:
    profile: str
    name: str
    sentence: str


@record
class RequestEvent:
    id: int
    profile: str
    name: str | None
    site: str | None
    topic: str
    state: str | None  # null: it has been pending for a day, and `reminder` is true
    sentence: str | None
    reminder: bool


@record
class AnswerEvent:
    id: int
    profile: str
    state: str
    answer: str | None  # null: no guardian answered
    because: str | None
    by: str | None
    sentence: str | None


@record
class WarningEvent:
    profile: str
    name: str
    minutes: int
    left: int
    what: str
    what_name: str
    at: datetime | None


@record
class DeviceEvent:
    mac: str
    name: str


@record
class ScanEvent:
    found: int


@record
class ListsEvent:
    what: str
    source: str | None
    done: int | None
    percent: int | None
    problems: tuple[str, ...]


@record
class IdentityEvent:
    mac: str
    ask: str
    what: str
    by: str | None
    name: str | None
    kind: str | None
    known: str | None
    known_name: str | None
    sentence: str | None


@record
class RefusalEvent:
    profile: str
    name: str
    device: str | None
    host: str | None
    proto: str
    reason: str
    sentence: str


@record
class CardEvent:
    device: str
    name: str | None
    profile: str
    profile_name: str | None
    way: str
    what: str
    by: str | None
    topic: str | None
    day: date | None
    at: datetime | None
    host: str | None
    resolver: str | None
    sure: bool | None
    solved: bool | None
    sentence: str | None


@record
class SharingEvent:
    device: str
    who: str | None


@record
class AdultProofEvent:
    device: str
    name: str
    what: str
    method: str
    by: str | None
    until: datetime | None


@record
class PinEvent:
    profile: str
    name: str
    what: str
    by: str | None


@record
class SiteRepairEvent:
    profile: str


@record
class HealthEvent:
    what: str


@record
class ProofEvent:
    profile: str
    device: str


@record
class TrialEvent:
    profile: str
    what: str  # begun, ended


@record
class StepEvent:
    """A child's change to the next age group was proposed, postponed or made, or is no longer due."""

    profile: str
    name: str
    what: str  # proposed, postponed, taken, over
    then: str
    by: str | None


@record
class PeopleEvent:
    what: str
    name: str
    by: str


@record
class AlertsEvent:
    by: str  # empty: a child's browser was added, or a browser removed


@record
class TrafficEvent:
    """There are new lines of live traffic. Sent at most once a second, while a parent looks at it."""


EVENTS: Mapping[str, type] = {
    "status": StatusEvent,
    "grant": GrantEvent,
    "landing": LandingEvent,
    "request": RequestEvent,
    "answer": AnswerEvent,
    "warning": WarningEvent,
    "device": DeviceEvent,
    "scan": ScanEvent,
    "lists": ListsEvent,
    "identity": IdentityEvent,
    "refusal": RefusalEvent,
    "card": CardEvent,
    "sharing": SharingEvent,
    "adult_proof": AdultProofEvent,
    "pin": PinEvent,
    "lesson": SiteRepairEvent,
    "health": HealthEvent,
    "proof": ProofEvent,
    "trial": TrialEvent,
    "step": StepEvent,
    "people": PeopleEvent,
    "alerts": AlertsEvent,
    "traffic": TrafficEvent,
}
