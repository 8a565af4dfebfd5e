"""Site repair: a guardian opens a site's missing parts on a child's device for some minutes.

A repair opens names that are blocked only because they are unknown, or because new names need approval, and
names of the site itself and its services in a category that needs approval. It opens nothing else: no entry
blocked by the family, no blocked category, nothing that is blocked for everyone, no bypass method, no other
service, no time rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.policy.judge.conclude import Conclusion, conclusion_until
from gateway.policy.judge.facts import FactFinder, HostFacts
from gateway.policy.names.categories import NEW_DOMAIN
from gateway.policy.names.hosts import PublicSuffixCheck, is_under, suffixes
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Action
from gateway.policy.rule_text import repair_rule
from gateway.policy.time.time_rules import ActiveRepair
from gateway.policy.values import Decision, Observation, Reason, Verdict

LONGEST = timedelta(minutes=5)
MAX_NAMES = 200  # per repair; the largest pages use some hundred names
BURST = timedelta(seconds=10)  # after a request for the site; the page requests its parts within this time
MANY = 3  # from this number of its hosts on, a domain becomes one entry

LIFTED = frozenset({Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN, Reason.NEW_DOMAIN, Reason.CATEGORY})
"""Reasons that a repair may lift.

A category is lifted only for the site itself, and only if it needs approval.
"""

# Reasons of the blocks that a repair lists for the guardian. Blocks that apply to everyone are never listed.
VISIBLE_REASONS = frozenset(
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

# CDNs, storage, and companies with many kinds of services that publicsuffix.org does not have, or not as a
# whole. Its entries are no single owner's domain.
SHARED = frozenset({
    "akamai.net", "akamaiedge.net", "akamaihd.net", "akamaitechnologies.com", "alibabacloud.com",
    "alicdn.com", "aliyuncs.com", "amazonaws.com", "appspot.com", "arubacloud.com", "azure.com",
    "azureedge.net", "azurefd.net", "azurewebsites.net", "b-cdn.net", "backblazeb2.com",
    "bitrix24.site", "bunny.net", "bunnycdn.com", "cdn77.net", "cdn77.org", "cdninstagram.com",
    "cdnvideo.ru", "clientcdn.com", "cloudflare.com", "cloudflare.net", "cloudflarestorage.com",
    "cloudfront.net", "cloudinary.com", "digitaloceanspaces.com", "edgecastcdn.net", "edgekey.net",
    "edgesuite.net", "fastly.net", "fastlylb.net", "fbcdn.net", "firebaseio.com", "g.page", "gcdn.co",
    "gcore.com", "ggpht.com", "github.io", "githubusercontent.com", "google.com", "googleapis.com",
    "googleusercontent.com", "gstatic.com", "gvt1.com", "gvt2.com", "herokuapp.com", "hwcdn.net",
    "imgix.net", "incapdns.net", "jsdelivr.net", "jwpcdn.com", "keycdn.com", "kxcdn.com", "lencr.org",
    "llnwd.net", "ltmsphcl.net", "mail.ru", "microsoft.com", "msecnd.net", "netdna-cdn.com",
    "netdna-ssl.com", "netlify.app", "ngenix.net", "ovh.net", "pages.dev", "qcloud.com", "r2.dev",
    "rackcdn.com", "sanity.io", "selcdn.ru", "selectel.ru", "shopifycdn.com", "squarespace.com",
    "stackpathcdn.com", "storage.yandexcloud.net", "tildacdn.com", "trafficmanager.net", "twimg.com",
    "unpkg.com", "userapi.com", "usercdn.ru", "vercel.app", "vimeocdn.com", "vk.com", "vkuser.net",
    "wasabisys.com", "windows.net", "wixstatic.com", "wp.com", "wpengine.com", "yandex.com",
    "yandex.kz", "yandex.net", "yandex.ru", "yandexcloud.net", "yastatic.net",
})  # fmt: skip


def repaired(
    host: str, conclusion: Conclusion, fact_finder: FactFinder, profile: Profile, repair: ActiveRepair
) -> Conclusion:
    """Return the conclusion that allows a blocked host during a site repair; else ``conclusion`` unchanged.

    It allows a host that is blocked only because it is unknown, or because new names need approval; for the
    repaired site and its services, also if its category needs approval. ``repair``: the one that runs.
    """
    if conclusion.outcome.verdict is not Verdict.BLOCK or conclusion.outcome.reason not in LIFTED:
        return conclusion
    facts = fact_finder.facts(host)
    if not _is_lifted(host, facts, repair):
        return conclusion
    return conclusion_until(facts, profile, repair_rule(repair.site), repair.until)


def _is_lifted(host: str, facts: HostFacts, repair: ActiveRepair) -> bool:
    """Return True if the repair opens a blocked host: no list for everyone, entry or category blocks it.

    Nor may it belong to another service, or be a page proxy's name. A category that only needs approval is no
    hindrance for hosts of the repaired site and its services; that of new names is none for any host.
    """
    if (
        facts.binding
        or facts.register
        or facts.block is not None
        or facts.band_block is not None
        or facts.shows
    ):
        return False
    if not repair.services.issuperset(facts.services):
        return False  # another service has its own rules
    refusing = [category for category in facts.deciding if category.rule.value.refuses]
    if any(fact.rule.value is Action.BLOCK for fact in refusing):
        return False
    own = bool(facts.services) or is_under(host, repair.site)
    return own or all(fact.id == NEW_DOMAIN for fact in refusing)


@dataclass(frozen=True, slots=True)
class RepairName:
    """A host name that a device queried during a site repair, and that is blocked without the repair."""

    name: str
    proposed: bool  # the repair opened it, and it is of the site or was queried during one of its page loads
    refusal: Decision | None = None  # set if it stayed blocked


class RepairLog:
    """Collects the host names that a device queried during one site repair; at most MAX_NAMES."""

    def __init__(self, repair: ActiveRepair) -> None:
        self.repair = repair
        self.left_out = 0  # queries for further names
        self._rule = repair_rule(repair.site)
        self._asked: dict[str, RepairName] = {}
        self._page: datetime | None = None  # last query for the site itself

    def record(self, seen: Observation, decision: Decision, at: datetime) -> bool:
        """Record a queried name if the repair opened it, or if it stayed blocked for a reason to show.

        Return True if the name is new, or is now proposed as an allow entry.
        """
        host = seen.host
        if host is None:
            return False
        own = is_under(host, self.repair.site)
        if own and decision.allowed:
            self._page = at
        lifted = decision.allowed and decision.rule == self._rule
        if not lifted and (decision.allowed or decision.reason not in VISIBLE_REASONS):
            return False
        known = self._asked.get(host)
        proposed = lifted and (own or self._within_a_load(at))
        if known is not None and (known.proposed or not proposed):
            return False
        if known is None and len(self._asked) >= MAX_NAMES:
            self.left_out += 1
            return False
        self._asked[host] = RepairName(host, proposed, None if lifted else decision)
        return True

    def _within_a_load(self, at: datetime) -> bool:
        """Return True if the site was queried at most BURST before: the name is then part of its page."""
        return self._page is not None and timedelta() <= at - self._page <= BURST

    def all(self) -> tuple[RepairName, ...]:
        """Return the recorded names, in the order of their first queries."""
        return tuple(self._asked.values())

    def lifted(self) -> frozenset[str]:
        """Return the recorded names that the repair opened, without those that stayed blocked."""
        return frozenset(asked.name for asked in self._asked.values() if asked.refusal is None)


def domain_of(host: str, is_public_suffix: PublicSuffixCheck) -> str:
    """Return the registered domain of a host, one label below its public suffix.

    The host itself if it has no public suffix, or is one.
    """
    below = host
    for suffix in suffixes(host):
        if is_public_suffix(suffix):
            return below
        below = suffix
    return host


def entries(
    names: Collection[str],
    site: str,
    is_public_suffix: PublicSuffixCheck,
    shared: Callable[[str], bool],
) -> tuple[str, ...]:
    """Return ``allow`` entries that open all ``names``, sorted, without entries that another one covers.

    The repaired ``site`` is an entry if one of the names is under it. A registered domain is an entry if it
    has MANY of the names. Neither is one if ``shared`` returns True for it: unrelated sites, or services with
    their own rules, then have names under it (`is_shared`).
    """
    chosen = set(_wide(names, site, is_public_suffix, shared))
    chosen.update(names)
    return tuple(
        sorted(
            entry
            for entry in chosen
            if not any(entry != other and is_under(entry, other) for other in chosen)
        )
    )


def _wide(
    names: Collection[str], site: str, is_public_suffix: PublicSuffixCheck, shared: Callable[[str], bool]
) -> Iterator[str]:
    """Yield domains to open in place of names: the site if one is under it, and domains with MANY of them.

    Domains that unrelated sites share are left out.
    """
    if any(is_under(name, site) for name in names) and not shared(site):
        yield site
    domains: dict[str, int] = {}
    for name in names:
        domain = domain_of(name, is_public_suffix)
        domains[domain] = domains.get(domain, 0) + 1
    for domain, many in domains.items():
        if many >= MANY and not is_public_suffix(domain) and not shared(domain):
            yield domain


def other_service_names(catalogue: Catalogue, domain: str) -> Iterator[str]:
    """Yield the domains of all services except those that ``domain`` belongs to, for `is_shared`."""
    own = set(catalogue.services_of(domain))
    for service in catalogue.services.values():
        if service.id not in own:
            for pattern in service.domains:
                yield pattern.lstrip("=").rpartition("*")[2].lstrip(".")


def is_shared(domain: str, service_domains: Iterable[str]) -> bool:
    """Return True if unrelated sites, or services with their own rules, have names under ``domain``.

    ``service_domains``: the domains of these services.
    """
    return any(is_under(name, domain) for name in (*SHARED, *service_domains))
