"""Decides what a child may request, and what a guardian's permanent answer opens, whatever the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.judge.conclude import OPENABLE, conclude
from gateway.policy.judge.decide import REFUSED_FOR_EVERYONE
from gateway.policy.judge.explanation import Names
from gateway.policy.judge.facts import BYPASS_CATEGORIES, FactFinder
from gateway.policy.judge.target_names import target_name
from gateway.policy.judge.world import World
from gateway.policy.names.hosts import PublicSuffixCheck, is_under, site_of
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import CATEGORY, FAMILY, SERVICE, Action, EntryKind, Mode
from gateway.policy.requests.site_repair import domain_of, is_shared, other_service_names
from gateway.policy.values import TIME_REASONS, Decision, Reason


def outcome(host: str, profile: Profile, world: World) -> Decision:
    """Return the decision about a host by a profile's rules, the lists for everyone and state registers.

    Time rules, pauses and extra time are left out. A help line's name is decided by the profile's rules
    alone, although a judge allows it.
    """
    part = conclude(FactFinder(profile, world).facts(host), profile)
    if part.help:
        return part.outcome
    return REFUSED_FOR_EVERYONE if part.binding else part.register or part.outcome


def is_askable(decision: Decision) -> bool:
    """Return True if a guardian's answer to a request, for the site or for time, can lift this block."""
    return not decision.allowed and (decision.reason in OPENABLE or decision.reason in TIME_REASONS)


def check_askable(host: str, decision: Decision, name: str) -> None:
    """Raise ControlError if a child cannot request a site, with the reason.

    It cannot if the site is not blocked, or if no guardian's answer could open it. ``decision``:
    from `outcome`. ``name``: the child's.
    """
    if decision.allowed:
        raise ControlError.of(Code.NOT_REFUSED, host=host, name=name)
    if decision.reason is Reason.REFUSED_FOR_EVERYONE:
        raise ControlError.of(Code.FOR_EVERYONE, host=host)
    if decision.reason is Reason.REGISTER:
        raise ControlError.of(Code.ON_REGISTER, host=host)
    if not is_askable(decision):
        raise ControlError.of(Code.NOT_ASKABLE, host=host)


def blocked_categories(profile: Profile) -> frozenset[str]:
    """Return the ids of the categories that the rules block, without those that need approval.

    A category in an ``allow`` entry is not blocked by its action, only by a ``block`` entry.
    """
    rules = profile.rules
    allowed = {entry.value for entry in rules.allow if entry.kind is EntryKind.CATEGORY}
    named = {entry.value for entry in rules.block if entry.kind is EntryKind.CATEGORY}
    blocked = {
        key
        for key, rule in rules.categories.items()
        if rule.value is Action.BLOCK and not key.startswith(SERVICE)
    }
    return frozenset(named | (blocked - allowed))


def is_category_askable(category: str, profile: Profile, world: World) -> bool:
    """Return True if a child may request a whole category: its rules block it or need approval for it.

    Not for a category of bypass methods, for one that is blocked for everyone, and not in allow-list mode.
    """
    if category.startswith(SERVICE):  # a key of `categories`, but no category
        return False
    rule = profile.rules.categories.get(category)
    is_blocked = category in blocked_categories(profile) or (rule is not None and rule.value.refuses)
    is_listed = profile.rules.mode.value is Mode.BLOCK_LIST
    return is_blocked and is_listed and category not in BYPASS_CATEGORIES | world.categories.binding


def check_category_askable(category: str, profile: Profile, world: World, name: str) -> None:
    """Raise ControlError if a child cannot request a category. ``name``: of the category."""
    if is_category_askable(category, profile, world):
        return
    if category in world.categories.binding:
        raise ControlError.of(Code.FOR_EVERYONE, host=name)
    raise ControlError.of(Code.NOT_ASKABLE, host=name)


def request_entry(host: str, catalogue: Catalogue, is_public_suffix: PublicSuffixCheck) -> str:
    """Return what a request for a host is about: ``service:ID`` of its only service, else its site.

    The site is the registered domain. Where unrelated sites or services share that domain, it is the host
    without ``www.``.
    """
    services = catalogue.services_of(host)
    if len(services) == 1:
        return f"{SERVICE}{services[0]}"
    domain = domain_of(host, is_public_suffix)
    if is_public_suffix(domain) or is_shared(domain, other_service_names(catalogue, domain)):
        return site_of(host, is_public_suffix)
    return domain


def blocked_category(entry: str, host: str, profile: Profile, world: World) -> str | None:
    """Return a category that the profile blocks and that a site or service is in; None if there is none.

    A permanent allow would open the site despite it. A category that needs approval is not blocked.

    Arguments:
        entry: the allow entry that the answer would write.
        host: the blocked host that the request is about; empty: unknown.
    """
    finder = FactFinder(profile, world)
    if entry.startswith(SERVICE):
        all_facts = [finder.facts_of((entry.removeprefix(SERVICE),))]
    else:
        all_facts = [finder.facts(name) for name in dict.fromkeys((host or entry, entry))]
    for facts in all_facts:
        for block in (facts.block, facts.band_block):
            if block is not None and block.kind is EntryKind.CATEGORY:
                return block.value
        # An action of the service itself replaces those of its categories.
        fact = facts.strictest
        if fact is not None and fact.rule.value is Action.BLOCK and not fact.id.startswith(SERVICE):
            return fact.id
    return None


def check_confirmed(entry: str, host: str, profile: Profile, world: World, names: Names) -> None:
    """Raise ControlError if a permanent allow of ``entry`` needs a guardian's confirmation.

    It does if it is a category, or if the profile blocks a category of the site: see `blocked_category`.
    ``host``: the blocked host; empty: unknown.
    """
    if entry.startswith(CATEGORY):
        raise _unconfirmed(entry, [entry.removeprefix(CATEGORY)], names)
    category = blocked_category(entry, host, profile, world)
    if category is not None:
        raise _unconfirmed(entry, [category], names)


def check_confirmed_edit(before: Profile, after: Profile, world: World, names: Names) -> None:
    """Raise ControlError if a change of rules needs a guardian's confirmation.

    It does if it ends the block of a category, or newly allows a site or service of a blocked category. A
    change that also chooses another age group is compared with that age group's own rules.

    Arguments:
        before: the profile without the change; with its new age group, if it chooses one.
        after: the profile with the change.
    """
    opened = sorted(blocked_categories(before) - blocked_categories(after))
    if opened:
        raise _unconfirmed(CATEGORY + opened[0], opened, names)
    known = set(_opened_entries(before))
    for entry in _opened_entries(after):
        category = None if entry in known else blocked_category(entry, "", before, world)
        if category is not None:
            raise _unconfirmed(entry, [category], names)


def _opened_entries(profile: Profile) -> Iterator[str]:
    """Yield the sites and services in the family's own allow and homework entries.

    Also each service with an action that allows it or counts its time.
    """
    rules = profile.rules
    for entry in (*rules.allow, *rules.homework):
        if entry.kind is not EntryKind.CATEGORY and entry.owner == FAMILY:
            yield str(entry)
    for key, rule in rules.categories.items():
        if key.startswith(SERVICE) and not rule.value.refuses:
            yield key


def _unconfirmed(entry: str, categories: Sequence[str], names: Names) -> ControlError:
    """Return the error that asks a guardian to confirm. ``entry``: what would be opened.

    ``categories``: the blocked categories that it is in; at least one.
    """
    name, known = target_name(entry, names), " ".join(categories)
    return ControlError.of(
        Code.CONFIRM_NEEDED, name=name, category=categories[0], categories=known, entry=entry
    )


def outranking_blocks(entry: str, profile: Profile, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the family's ``block`` entries that would outrank an allow entry ``entry``."""
    service = entry.removeprefix(SERVICE) if entry.startswith(SERVICE) else None

    def outranks(word: str, kind: EntryKind) -> bool:
        if word == entry:
            return True
        if kind is not EntryKind.NAME:
            return False
        return is_under(word, entry) if service is None else catalogue.services_of(word) == (service,)

    own = (block for block in profile.rules.block if block.owner == FAMILY)
    return tuple(str(block) for block in own if outranks(str(block), block.kind))
