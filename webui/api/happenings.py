"""The data of each kind of event. Only these fields of the daemon's events are sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from webui.api.records import record


@record
class StatusTold:
    """A child's state has changed, or a guardian changed something with an effect on it."""

    profile: str | None
    what: str | None  # pause, resume, grant, revoke, off, on, internet, erase, …; null: a change of state
    who: tuple[str, ...]  # targets of a guardian's action: children, a device, `all`
    until: datetime | None
    internet: str | None
    by: str | None


@record
class GrantTold:
    profile: str
    grant: int
    by: str
    sentence: str


@record
class LandingTold:
    profile: str
    name: str
    sentence: str


@record
class RequestTold:
    id: int
    profile: str
    name: str | None
    site: str | None
    topic: str
    state: str | None  # null: it has been pending for a day, and `reminder` is true
    sentence: str | None
    reminder: bool


@record
class AnswerTold:
    id: int
    profile: str
    state: str
    answer: str | None  # null: no guardian answered
    because: str | None
    by: str | None
    sentence: str | None


@record
class WarningTold:
    profile: str
    name: str
    minutes: int
    left: int
    what: str
    what_name: str
    at: datetime | None


@record
class DeviceTold:
    mac: str
    name: str


@record
class ScanTold:
    found: int


@record
class ListsTold:
    what: str
    source: str | None
    done: int | None
    problems: tuple[str, ...]


@record
class IdentityTold:
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
class RefusalTold:
    profile: str
    name: str
    device: str | None
    host: str | None
    proto: str
    reason: str
    sentence: str


@record
class CardTold:
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
class SharingTold:
    device: str
    who: str | None


@record
class AdultProofTold:
    device: str
    name: str
    what: str
    method: str
    by: str | None
    until: datetime | None


@record
class PinTold:
    profile: str
    name: str
    what: str
    by: str | None


@record
class LessonTold:
    profile: str


@record
class HealthTold:
    what: str


@record
class ProofTold:
    profile: str
    device: str


@record
class TrialTold:
    profile: str
    what: str  # begun, ended


@record
class StepTold:
    """The transition to the next age band."""

    profile: str
    name: str
    what: str  # proposed, postponed, taken, over
    then: str
    by: str | None


@record
class PeopleTold:
    what: str
    name: str
    by: str


@record
class AlertsTold:
    by: str


EVENTS: Mapping[str, type] = {
    "status": StatusTold,
    "grant": GrantTold,
    "landing": LandingTold,
    "request": RequestTold,
    "answer": AnswerTold,
    "warning": WarningTold,
    "device": DeviceTold,
    "scan": ScanTold,
    "lists": ListsTold,
    "identity": IdentityTold,
    "refusal": RefusalTold,
    "card": CardTold,
    "sharing": SharingTold,
    "adult_proof": AdultProofTold,
    "pin": PinTold,
    "lesson": LessonTold,
    "health": HealthTold,
    "proof": ProofTold,
    "trial": TrialTold,
    "step": StepTold,
    "people": PeopleTold,
    "alerts": AlertsTold,
}
