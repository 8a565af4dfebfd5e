"""Proof: what a child's rules say of a few sites, and what came of it on the child's own device. Pure.

A check holds only by what was seen. What is refused is proved by the gateway's refusal and by the browser
that came to nothing; what is open by a gateway that let it through and a browser that reached it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Kind
from gateway.policy.values import Decision, Reason, Verdict

RESOLVER = "dns.google"  # what a phone's "Private DNS" is set to most
WELL_KNOWN = ("tiktok", "instagram", "snapchat", "discord", "youtube", "roblox")  # asked about first
SCHOOL = ("kk.wikipedia.org", "www.khanacademy.org", "bilimland.kz", "www.britannica.com", "nasa.gov")
MOST_ASKED = 64  # services of which one is looked for that is refused

# Refused by what the site is, at any hour.
BY_RULE = frozenset(
    {Reason.FAMILY_BLOCK, Reason.SERVICE, Reason.CATEGORY, Reason.UNKNOWN_DOMAIN, Reason.NOT_ON_LIST}
)
BY_TIME = frozenset(
    {Reason.QUARANTINED, Reason.PAUSED, Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME}
)  # of the whole device, or of one thing

Decide = Callable[[str], Decision]


class Topic(StrEnum):
    REFUSED = "refused"  # a site that the rules refuse
    OPEN = "open"  # one that they let through
    PRIVATE_DNS = "private_dns"  # a resolver that would go around them
    BEDTIME = "bedtime"
    HELP = "help"  # a help line's site


class State(StrEnum):
    WAITS = "waits"  # for the device
    WORKS = "works"
    FAILS = "fails"
    UNSEEN = "unseen"  # the device says something of which the gateway saw nothing
    NONE = "none"  # there is nothing to try: `because` of the check says why


class Because(StrEnum):
    """Why there is nothing to try."""

    ALL_OPEN = "all_open"  # these rules refuse no site by what it is
    CLOSED_NOW = "closed_now"  # a pause, bedtime or a limit shuts the device just now
    WAY_OPEN = "way_open"  # the rules leave this way open
    NO_SITE = "no_site"  # nothing that could be tried is known
    NO_BEDTIME = "no_bedtime"


@dataclass(slots=True)
class Check:
    """One line. ``blocked`` and ``passed``: what the gateway decided since it began; ``reached``: what the
    device's browser says.
    """

    topic: Topic
    host: str = ""
    name: str = ""  # of the service that it belongs to
    because: Because | None = None
    blocked: bool = False
    passed: bool = False
    reached: bool | None = None
    at: datetime | None = None  # when bedtime begins, asked of the rules: nothing is there to be seen yet
    holds: bool = False  # whether they say so

    @property
    def opens(self) -> bool:
        return self.topic in (Topic.OPEN, Topic.HELP)

    def saw(self, decision: Decision) -> None:
        if decision.verdict is Verdict.BLOCK:
            self.blocked = True
        else:
            self.passed = True

    @property
    def state(self) -> State:
        if self.because is not None:
            return State.NONE
        if self.at is not None:
            return State.WORKS if self.holds else State.FAILS
        if self.reached is None:
            return State.WAITS
        if self.opens:
            if self.blocked or not self.reached:
                return State.FAILS
            return State.WORKS if self.passed else State.UNSEEN
        if self.reached or (self.passed and not self.blocked):
            return State.FAILS
        return State.WORKS if self.blocked else State.UNSEEN


def checks(
    profile: Profile, catalogue: Catalogue, decide: Decide, help_hosts: Iterable[str], *, way_refused: bool
) -> tuple[Check, ...]:
    """What this child's rules give to try now, but for bedtime. ``decide``: what a host meets now."""
    opened = _first(_open_hosts(profile), decide, _lets_through)
    shut = not opened and decide(SCHOOL[0]).reason in BY_TIME
    return (
        _refused(profile, catalogue, decide, shut=shut),
        Check(Topic.OPEN, opened)
        if opened
        else Check(Topic.OPEN, because=Because.CLOSED_NOW if shut else Because.NO_SITE),
        _private_dns(decide, refused=way_refused, shut=shut),
        _help(decide, help_hosts),
    )


def bedtime(decide: Decide, begins: datetime | None, then: Decision | None) -> Check:
    """The one that holds now is tried like a site. ``begins``: the next one; ``then``: what a site meets."""
    if decide(SCHOOL[0]).reason is Reason.BEDTIME:
        return Check(Topic.BEDTIME, SCHOOL[0])
    if begins is None or then is None:
        return Check(Topic.BEDTIME, because=Because.NO_BEDTIME)
    return Check(Topic.BEDTIME, at=begins, holds=then.reason is Reason.BEDTIME)


def _refused(profile: Profile, catalogue: Catalogue, decide: Decide, *, shut: bool) -> Check:
    if shut:
        return Check(Topic.REFUSED, because=Because.CLOSED_NOW)
    for host, name in _candidates(profile, catalogue):
        if _refused_by_rule(decide(host)):
            return Check(Topic.REFUSED, host, name)
    return Check(Topic.REFUSED, because=Because.ALL_OPEN)


def _private_dns(decide: Decide, *, refused: bool, shut: bool) -> Check:
    if not refused:
        return Check(Topic.PRIVATE_DNS, because=Because.WAY_OPEN)
    if shut:
        return Check(Topic.PRIVATE_DNS, because=Because.CLOSED_NOW)
    if decide(RESOLVER).verdict is not Verdict.BLOCK:  # a family's own entry opens it
        return Check(Topic.PRIVATE_DNS, because=Because.WAY_OPEN)
    return Check(Topic.PRIVATE_DNS, RESOLVER)


def _help(decide: Decide, help_hosts: Iterable[str]) -> Check:
    found = _first(help_hosts, decide, _lets_through)
    return Check(Topic.HELP, found) if found else Check(Topic.HELP, because=Because.NO_SITE)


def _candidates(profile: Profile, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """What the family itself refuses first, then what people know."""
    block = profile.rules.block
    own = [one.value for one in block if one.kind is Kind.SERVICE]
    for service in dict.fromkeys((*own, *WELL_KNOWN, *list(catalogue.services)[:MOST_ASKED])):
        known = catalogue.services.get(service)
        host = "" if known is None else next((one for one in known.domains if _is_host(one)), "")
        if known is not None and host:
            yield f"www.{host}" if service in catalogue.services_of(f"www.{host}") else host, known.name
    yield from ((one.value, "") for one in block if one.kind is Kind.NAME)


def _open_hosts(profile: Profile) -> Iterator[str]:
    for one in (*profile.rules.homework, *profile.rules.allow):
        if one.kind is Kind.NAME and _is_host(one.value):
            yield one.value
    yield from SCHOOL


def _is_host(text: str) -> bool:
    return "*" not in text and not text.startswith("=") and "." in text


def _first(hosts: Iterable[str], decide: Decide, fits: Callable[[Decision], bool]) -> str:
    return next((host for host in hosts if fits(decide(host))), "")


def _lets_through(decision: Decision) -> bool:
    return decision.verdict is not Verdict.BLOCK and decision.reason is not Reason.GATEWAY


def _refused_by_rule(decision: Decision) -> bool:
    return decision.verdict is Verdict.BLOCK and decision.reason in BY_RULE
