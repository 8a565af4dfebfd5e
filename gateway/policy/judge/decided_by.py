"""Who decided a block, which family setting it is, and where to complain about it."""

from __future__ import annotations

from enum import StrEnum

from gateway.policy.profile.rules import FAMILY
from gateway.policy.values import Decision, Reason, Verdict


class Decider(StrEnum):
    FAMILY = "family"  # a rule of this family, or an immediate action of a guardian
    BAND = "band"  # the rules of an age group, which come with the program
    LAW = "law"  # a law that a guardian turned on
    REGISTER = "register"  # a state's register that a guardian turned on
    LISTS = "lists"  # blocked for everyone; the list is never named
    PRODUCT = "product"  # a part of the program


class Contest(StrEnum):
    ASK = "ask"  # with one tap
    TIME = "time"  # a child requests time
    PARENT = "parent"  # a person who can change it here
    PROVIDER = "provider"  # the provider checks a list of harmful sites, and forwards the complaint
    STATE = "state"  # the authority for complaints about it
    MAKER = "maker"  # the makers of the program


_BY_TIME = frozenset({Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME})
_OWNERS = {FAMILY: Decider.FAMILY, "guardian": Decider.FAMILY, "band": Decider.BAND}
_SETTINGS = (
    ("block: ", "block/"),
    ("category:", "categories/"),
    ("mode = ", "mode"),
    ("unknown = ", "unknown"),
    ("strict = ", "strict"),
    ("safe_search = ", "safe_search"),
    ("ways: ", "ways/"),
    ("bedtime: ", "bedtime"),
    ("windows: ", "windows/"),
    ("limits: ", "limits/"),
    ("law:", "laws/"),
    ("clock_unset: ", "clock_unset"),
)


def decider(decision: Decision) -> Decider:
    """Return who decided a block."""
    if decision.reason is Reason.REFUSED_FOR_EVERYONE:
        return Decider.LISTS
    if decision.reason is Reason.REGISTER:
        return Decider.REGISTER
    if decision.reason is Reason.LAW:
        return Decider.LAW
    return _OWNERS.get(decision.owner.partition(":")[0], Decider.PRODUCT)


def contest(decision: Decision) -> Contest:
    """Return where to complain about a block. Complaining to a parent is always possible as well."""
    who = decider(decision)
    if who is Decider.LISTS:
        return Contest.PROVIDER
    if who is Decider.REGISTER:
        return Contest.STATE
    if decision.reason in _BY_TIME:
        return Contest.TIME
    if decision.askable:
        return Contest.ASK
    return Contest.MAKER if who is Decider.PRODUCT else Contest.PARENT


def setting(decision: Decision) -> str:
    """Return the key of the rule that decided, as `edit` takes it: ``block/service:tiktok``; empty for none.

    The rule of a band starts with the band's name.
    """
    if decider(decision) in (Decider.LISTS, Decider.REGISTER, Decider.PRODUCT):
        return ""
    rule = decision.rule
    if decision.owner.startswith("band:"):
        rule = rule.removeprefix(f"{decision.owner.replace(':', ' ', 1)}: ")
    for written, key in _SETTINGS:
        if rule.startswith(written):
            return key + _rule_target(rule.removeprefix(written), written) if key.endswith("/") else key
    return ""


def category_of(decision: Decision) -> str:
    """Return the category that a block is about; empty for none."""
    _, found, rest = decision.rule.partition("category:")
    about = decision.reason in (Reason.CATEGORY, Reason.NEW_DOMAIN, Reason.FAMILY_BLOCK)
    return rest.partition(" ")[0] if found and about else ""


def decided_to_dict(decision: Decision) -> dict[str, object] | None:
    """Return ``who kind contest`` of a block; None for what is open."""
    if decision.verdict is not Verdict.BLOCK:
        return None
    return {
        "who": decider(decision).value,
        "kind": category_of(decision) or None,
        "contest": contest(decision).value,
    }


def _rule_target(rest: str, written: str) -> str:
    """Return what a rule is about: all of ``block: NAME`` and ``law:ID``, else the text before its value."""
    if written in ("block: ", "law:"):
        return rest
    if written in ("windows: ", "limits: "):
        return rest.rpartition(": ")[0]
    return rest.partition(" = ")[0]
