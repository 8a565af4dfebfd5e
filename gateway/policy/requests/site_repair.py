"""A guardian teaches a site: it is open for some minutes on a child's device, and what its pages need shows.

A lesson lifts what asks first because nobody knows the name, and nothing else: no block of the family's, no
category that is refused, nothing that binds everyone, no way around the filter, no other service, no time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.policy.judge.conclude import Conclusion
from gateway.policy.judge.opened import conclusion_until
from gateway.policy.judge.study import FactFinder, Facts
from gateway.policy.names.categories import NEW_DOMAIN
from gateway.policy.names.hosts import PublicSuffixCheck, is_under, suffixes
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Action
from gateway.policy.time.situation import Lesson
from gateway.policy.values import Decision, Observation, Reason, Verdict

LONGEST = timedelta(minutes=5)
MAX_NAMES = 200  # of a lesson; the largest pages call some hundred names
BURST = timedelta(seconds=10)  # after a request to the site, in which a page asks for what it is made of
MANY = 3  # hosts of one domain from which on the domain is kept as a whole

LIFTED = frozenset({Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN, Reason.NEW_DOMAIN, Reason.CATEGORY})
"""What may be lifted. A category is lifted for the site itself alone, and only where it asks."""

# Refusals that a guardian is told of; what is refused for everyone is in nobody's list.
TOLD = frozenset(
    {
        Reason.FAMILY_BLOCK,
        Reason.SERVICE,
        Reason.CATEGORY,
        Reason.NEW_DOMAIN,
        Reason.UNKNOWN_DOMAIN,
        Reason.NOT_ON_LIST,
        Reason.PROXY,
        Reason.VPN,
        Reason.ENCRYPTED_DNS,
        Reason.RELAY,
        Reason.TOR,
    }
)


def lesson_rule(lesson: Lesson) -> str:
    return f"lesson: {lesson.site}"


def taught(host: str, part: Conclusion, student: FactFinder, profile: Profile, lesson: Lesson) -> Conclusion:
    """What a lesson makes of ``part``; itself where that is open, or stays refused."""
    if part.outcome.verdict is not Verdict.BLOCK or part.outcome.reason not in LIFTED:
        return part
    facts = student.facts(host)
    if not _is_lifted(host, facts, lesson):
        return part
    return conclusion_until(facts, profile, lesson_rule(lesson), lesson.until)


def _is_lifted(host: str, facts: Facts, lesson: Lesson) -> bool:
    if (
        facts.binding
        or facts.register
        or facts.block is not None
        or facts.band_block is not None
        or facts.shows
    ):
        return False
    if not lesson.services.issuperset(facts.services):
        return False  # another service has rules of its own
    refusing = [one for one in facts.categories if one.rule.value.refuses]
    if any(one.rule.value is Action.BLOCK for one in refusing):
        return False
    own = bool(facts.services) or is_under(host, lesson.site)
    return own or all(one.id == NEW_DOMAIN for one in refusing)


@dataclass(frozen=True, slots=True)
class Asked:
    """A name that a device asked for while a lesson ran, and that was not open without it."""

    name: str
    proposed: bool  # the site's own, or asked for within one of its page loads
    refusal: Decision | None = None  # it stayed refused


class Notes:
    """What devices asked for during one lesson. Bounded: the first MAX_NAMES."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.left_out = 0  # requests for further names
        self._rule = lesson_rule(lesson)
        self._asked: dict[str, Asked] = {}
        self._page: datetime | None = None  # when the site itself was asked for last

    def hear(self, seen: Observation, decision: Decision, at: datetime) -> bool:
        """Whether there is a new name."""
        host = seen.host
        if host is None:
            return False
        own = is_under(host, self.lesson.site)
        if own and decision.allowed:
            self._page = at
        lifted = decision.allowed and decision.rule == self._rule
        if not lifted and (decision.allowed or decision.reason not in TOLD):
            return False
        known = self._asked.get(host)
        proposed = lifted and (own or self._within_a_load(at))
        if known is not None and (known.proposed or not proposed):
            return False
        if known is None and len(self._asked) >= MAX_NAMES:
            self.left_out += 1
            return False
        self._asked[host] = Asked(host, proposed, None if lifted else decision)
        return True

    def _within_a_load(self, at: datetime) -> bool:
        return self._page is not None and timedelta() <= at - self._page <= BURST

    def all(self) -> tuple[Asked, ...]:
        """In the order in which they came."""
        return tuple(self._asked.values())

    def lifted(self) -> frozenset[str]:
        return frozenset(one.name for one in self._asked.values() if one.refusal is None)


def domain_of(host: str, is_public_suffix: PublicSuffixCheck) -> str:
    """What somebody has registered; the host itself where that cannot be told."""
    below = host
    for one in suffixes(host):
        if is_public_suffix(one):
            return below
        below = one
    return host


def entries(
    names: Collection[str],
    site: str,
    is_public_suffix: PublicSuffixCheck,
    shared: Callable[[str], bool],
) -> tuple[str, ...]:
    """As few entries of ``allow`` as open ``names`` and no stranger's. ``shared``: see policy/shared.py."""
    chosen = set(_wide(names, site, is_public_suffix, shared))
    chosen.update(names)
    return tuple(
        sorted(one for one in chosen if not any(one != other and is_under(one, other) for other in chosen))
    )


def _wide(
    names: Collection[str], site: str, is_public_suffix: PublicSuffixCheck, shared: Callable[[str], bool]
) -> Iterator[str]:
    if any(is_under(name, site) for name in names) and not shared(site):
        yield site
    domains: dict[str, int] = {}
    for name in names:
        domain = domain_of(name, is_public_suffix)
        domains[domain] = domains.get(domain, 0) + 1
    for domain, many in domains.items():
        if many >= MANY and not is_public_suffix(domain) and not shared(domain):
            yield domain
