"""Filter test: which sites to test under a child's rules, and the result on the child's own device. Pure.

A check relies on what was seen. A site that must be blocked needs a block by the gateway and a failed load in
the browser. A site that must be open needs an allow, no block, and a successful load. Outside bedtime, the
bedtime check relies on the rules alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import EntryKind
from gateway.policy.values import TEMPORARY_REASONS, Decision, Reason, Verdict

RESOLVER = "dns.google"  # the most common setting of "Private DNS" on phones
WELL_KNOWN_SERVICES = ("tiktok", "instagram", "snapchat", "discord", "youtube", "roblox")  # tested first
MESSENGERS = ("whatsapp", "telegram", "signal", "viber")  # the first that the rules allow is tested
SCHOOL_SITES = ("kk.wikipedia.org", "www.khanacademy.org", "bilimland.kz", "www.britannica.com", "nasa.gov")
MAX_SERVICES_TRIED = 64  # services that are searched for a blocked one

# Blocked because of the site itself, at any hour.
BY_RULE = frozenset(
    {Reason.FAMILY_BLOCK, Reason.SERVICE, Reason.CATEGORY, Reason.UNKNOWN_DOMAIN, Reason.NOT_ON_LIST}
)

Decide = Callable[[str], Decision]


class CheckTopic(StrEnum):
    """The topic of one check of a filter test."""

    REFUSED = "refused"  # a site that the rules block
    OPEN = "open"  # a site that the rules allow
    ADULT = "adult"  # a site for adults; no page names it
    MESSENGER = "messenger"
    PRIVATE_DNS = "private_dns"  # a resolver that would bypass the rules
    BEDTIME = "bedtime"
    HELP = "help"  # a help line's site


class TestedOutcome(StrEnum):
    """The result of one check of a filter test."""

    WAITING = "waiting"  # for the device
    BLOCKED = "blocked"
    OPEN = "open"
    UNTESTED = "untested"  # `reason` of the check says why


class NoTestReason(StrEnum):
    """The reason why a check of a filter test has no result."""

    NOT_SEEN = "not_seen"  # the device reported a result, but the gateway saw no traffic
    NOT_REACHED = "not_reached"  # the gateway let the device through, but its browser did not load the site
    ALL_OPEN = "all_open"  # these rules block no site
    CLOSED_NOW = "closed_now"  # a pause, bedtime or a limit blocks the whole device now
    WAY_OPEN = "way_open"  # the rules allow this bypass method, or sites for adults
    BLOCKED = "blocked"  # the rules block it
    NO_SITE = "no_site"  # no site to test is known
    NO_BEDTIME = "no_bedtime"


@dataclass(slots=True)
class HostCheck:
    """One check of a filter test: the site, what the gateway decided, and what the browser reported.

    ``blocked`` and ``passed``: what the gateway decided since the test began. ``reached``: whether the
    device's browser reported that it loaded the site; None: no report yet.
    """

    topic: CheckTopic
    host: str = ""  # the site to load; empty: the check loads none
    name: str = ""  # of the service that the host belongs to; empty: none
    because: NoTestReason | None = None  # why no site is tested, known before the test
    blocked: bool = False
    passed: bool = False
    reached: bool | None = None
    at: datetime | None = None  # start of the next bedtime, which is checked with the rules alone
    holds: bool = False  # True if the rules block the site at ``at``

    @property
    def opens(self) -> bool:
        """True if the site must load for the check to succeed."""
        return self.topic in (CheckTopic.OPEN, CheckTopic.MESSENGER, CheckTopic.HELP)

    def record(self, decision: Decision) -> None:
        if decision.verdict is Verdict.BLOCK:
            self.blocked = True
        else:
            self.passed = True

    @property
    def outcome(self) -> TestedOutcome:
        if self.at is not None:
            return TestedOutcome.BLOCKED if self.holds else TestedOutcome.OPEN
        if self.because is None and self.reached is None:
            return TestedOutcome.WAITING
        if self.reason is not None:
            return TestedOutcome.UNTESTED
        if self.opens:
            return TestedOutcome.BLOCKED if self.blocked else TestedOutcome.OPEN
        return TestedOutcome.OPEN if self.reached or not self.blocked else TestedOutcome.BLOCKED

    @property
    def reason(self) -> NoTestReason | None:
        """The reason why there is no result; None if there is one, or if the check waits for the device.

        NOT_REACHED means that the browser did not load an allowed site, and counts as a fault.
        """
        if self.because is not None or self.at is not None or self.reached is None:
            return self.because
        if self.opens and not self.blocked and not self.reached:
            return NoTestReason.NOT_REACHED
        is_seen = self.blocked or self.passed or (self.reached and not self.opens)
        return None if is_seen else NoTestReason.NOT_SEEN

    @property
    def fault(self) -> bool:
        """True if the result differs from the rules: open instead of blocked, or blocked instead of open.

        A site that must be open and was not loaded has a fault too.

        A check that waits, or could not be tested for another reason, has no fault.
        """
        if self.reason is NoTestReason.NOT_REACHED:
            return True
        return self.outcome is (TestedOutcome.BLOCKED if self.opens else TestedOutcome.OPEN)


def checks(
    profile: Profile, catalogue: Catalogue, decide: Decide, help_hosts: Iterable[str], *, way_refused: bool
) -> tuple[HostCheck, ...]:
    """Return the checks of a filter test, one for each topic but bedtime: a site, or why there is none.

    ``decide`` returns the decision for a host now. ``way_refused``: the rules block encrypted DNS.
    """
    opened = _first(_open_hosts(profile), decide, _lets_through)
    blocked_now = not opened and decide(SCHOOL_SITES[0]).reason in TEMPORARY_REASONS
    return (
        _refused(profile, catalogue, decide, blocked_now=blocked_now),
        HostCheck(CheckTopic.OPEN, opened)
        if opened
        else HostCheck(
            CheckTopic.OPEN, because=NoTestReason.CLOSED_NOW if blocked_now else NoTestReason.NO_SITE
        ),
        _adult(catalogue, decide, blocked_now=blocked_now),
        _messenger(catalogue, decide, blocked_now=blocked_now),
        _private_dns(decide, refused=way_refused, blocked_now=blocked_now),
        _help(decide, help_hosts),
    )


def bedtime(decide: Decide, begins: datetime | None, then: Decision | None) -> HostCheck:
    """Return the bedtime check: during bedtime by loading a site, else by the rules at the next bedtime.

    ``decide``: returns the present decision about a host. ``begins``: start of the next bedtime; ``then``:
    the decision about a site at that time. Without these two the result is NO_BEDTIME outside bedtime.
    """
    if decide(SCHOOL_SITES[0]).reason is Reason.BEDTIME:
        return HostCheck(CheckTopic.BEDTIME, SCHOOL_SITES[0])
    if begins is None or then is None:
        return HostCheck(CheckTopic.BEDTIME, because=NoTestReason.NO_BEDTIME)
    return HostCheck(CheckTopic.BEDTIME, at=begins, holds=then.reason is Reason.BEDTIME)


def _refused(profile: Profile, catalogue: Catalogue, decide: Decide, *, blocked_now: bool) -> HostCheck:
    """Return the check of a blocked site: the first one that the rules block, or why there is none.

    ``blocked_now``: a pause, bedtime or a limit blocks the whole device now, so no site can be tested.
    """
    if blocked_now:
        return HostCheck(CheckTopic.REFUSED, because=NoTestReason.CLOSED_NOW)
    for host, name in _candidates(profile, catalogue):
        if _refused_by_rule(decide(host)):
            return HostCheck(CheckTopic.REFUSED, host, name)
    return HostCheck(CheckTopic.REFUSED, because=NoTestReason.ALL_OPEN)


def _adult(catalogue: Catalogue, decide: Decide, *, blocked_now: bool) -> HostCheck:
    if blocked_now:
        return HostCheck(CheckTopic.ADULT, because=NoTestReason.CLOSED_NOW)
    adult = (service for service, known in catalogue.services.items() if "adult" in known.categories)
    hosts = filter(None, (_host_of(service, catalogue) for service in adult))
    found = _first(hosts, decide, _refused_by_rule)
    if found:
        return HostCheck(CheckTopic.ADULT, found)
    return HostCheck(CheckTopic.ADULT, because=NoTestReason.WAY_OPEN)


def _messenger(catalogue: Catalogue, decide: Decide, *, blocked_now: bool) -> HostCheck:
    if blocked_now:
        return HostCheck(CheckTopic.MESSENGER, because=NoTestReason.CLOSED_NOW)
    for service in MESSENGERS:
        host = _host_of(service, catalogue)
        if host and _lets_through(decide(host)):
            return HostCheck(CheckTopic.MESSENGER, host, catalogue.services[service].name)
    return HostCheck(CheckTopic.MESSENGER, because=NoTestReason.BLOCKED)


def _private_dns(decide: Decide, *, refused: bool, blocked_now: bool) -> HostCheck:
    if not refused:
        return HostCheck(CheckTopic.PRIVATE_DNS, because=NoTestReason.WAY_OPEN)
    if blocked_now:
        return HostCheck(CheckTopic.PRIVATE_DNS, because=NoTestReason.CLOSED_NOW)
    if decide(RESOLVER).verdict is not Verdict.BLOCK:  # an entry of the family allows it
        return HostCheck(CheckTopic.PRIVATE_DNS, because=NoTestReason.WAY_OPEN)
    return HostCheck(CheckTopic.PRIVATE_DNS, RESOLVER)


def _help(decide: Decide, help_hosts: Iterable[str]) -> HostCheck:
    found = _first(help_hosts, decide, _lets_through)
    return (
        HostCheck(CheckTopic.HELP, found)
        if found
        else HostCheck(CheckTopic.HELP, because=NoTestReason.NO_SITE)
    )


def _candidates(profile: Profile, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield hosts that may be blocked, with their service's name ("" for none), in the order to try.

    First the services in ``block`` entries, then well-known and other ones, then the names in these entries.
    """
    block = profile.rules.block
    own = [entry.value for entry in block if entry.kind is EntryKind.SERVICE]
    for service in dict.fromkeys(
        (*own, *WELL_KNOWN_SERVICES, *list(catalogue.services)[:MAX_SERVICES_TRIED])
    ):
        if host := _host_of(service, catalogue):
            yield host, catalogue.services[service].name
    yield from ((entry.value, "") for entry in block if entry.kind is EntryKind.NAME)


def _host_of(service: str, catalogue: Catalogue) -> str:
    """Return a host of a service, with ``www.`` if that name is the service's too; "" if it has none."""
    known = catalogue.services.get(service)
    host = "" if known is None else next((domain for domain in known.domains if _is_host(domain)), "")
    return f"www.{host}" if host and service in catalogue.services_of(f"www.{host}") else host


def _open_hosts(profile: Profile) -> Iterator[str]:
    for entry in (*profile.rules.homework, *profile.rules.allow):
        if entry.kind is EntryKind.NAME and _is_host(entry.value):
            yield entry.value
    yield from SCHOOL_SITES


def _is_host(text: str) -> bool:
    return "*" not in text and not text.startswith("=") and "." in text


def _first(hosts: Iterable[str], decide: Decide, fits: Callable[[Decision], bool]) -> str:
    """Return the first host for which ``fits`` accepts the decision; empty if there is none."""
    return next((host for host in hosts if fits(decide(host))), "")


def _lets_through(decision: Decision) -> bool:
    return decision.verdict is not Verdict.BLOCK and decision.reason is not Reason.GATEWAY


def _refused_by_rule(decision: Decision) -> bool:
    return decision.verdict is Verdict.BLOCK and decision.reason in BY_RULE
