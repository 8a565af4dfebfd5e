"""Who decided a refusal, which setting of a family's it is, and where somebody says that it is wrong."""

from __future__ import annotations

from enum import StrEnum

from gateway.policy.profile.rules import FAMILY
from gateway.policy.values import Decision, Reason, Verdict


class Decider(StrEnum):
    FAMILY = "family"  # a rule of this home, or what a guardian did at once
    BAND = "band"  # the rules of an age, which come with the program
    LAW = "law"  # that a guardian turned on
    REGISTER = "register"  # of a state, that a guardian turned on
    LISTS = "lists"  # what is refused for everyone; which list it is, nobody is told
    PRODUCT = "product"  # a part of the program


class Contest(StrEnum):
    ASK = "ask"  # with one tap
    TIME = "time"  # a child asks for time
    PARENT = "parent"  # who can change it here
    PROVIDER = "provider"  # who can look into a list of harmful sites, and pass it on
    STATE = "state"  # whoever hears complaints about it
    MAKER = "maker"  # of the program


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
    """Of a refusal."""
    if decision.reason is Reason.REFUSED_FOR_EVERYONE:
        return Decider.LISTS
    if decision.reason is Reason.REGISTER:
        return Decider.REGISTER
    if decision.reason is Reason.LAW:
        return Decider.LAW
    return _OWNERS.get(decision.owner.partition(":")[0], Decider.PRODUCT)


def contest(decision: Decision) -> Contest:
    """Of a refusal: where it is said to be wrong. To a parent or anybody else one may complain as well."""
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
    """The key of the rule that decided, as `edit` takes it: ``block/service:tiktok``; empty for none.

    A band's rule is written with the band's name before it.
    """
    if decider(decision) in (Decider.LISTS, Decider.REGISTER, Decider.PRODUCT):
        return ""
    rule = decision.rule
    if decision.owner.startswith("band:"):
        rule = rule.removeprefix(f"{decision.owner.replace(':', ' ', 1)}: ")
    for written, key in _SETTINGS:
        if rule.startswith(written):
            return key + _named(rule.removeprefix(written), written) if key.endswith("/") else key
    return ""


def kind_of(decision: Decision) -> str:
    """The category that a refusal is about; empty for none."""
    _, found, rest = decision.rule.partition("category:")
    about = decision.reason in (Reason.CATEGORY, Reason.NEW_DOMAIN, Reason.FAMILY_BLOCK)
    return rest.partition(" ")[0] if found and about else ""


def told_decided(decision: Decision) -> dict[str, object] | None:
    """``who kind contest`` of a refusal; None of what is open."""
    if decision.verdict is not Verdict.BLOCK:
        return None
    return {
        "who": decider(decision).value,
        "kind": kind_of(decision) or None,
        "contest": contest(decision).value,
    }


def _named(rest: str, written: str) -> str:
    """What a rule is about: all of ``block: NAME`` and ``law:ID``, else up to its value."""
    if written in ("block: ", "law:"):
        return rest
    if written in ("windows: ", "limits: "):
        return rest.rpartition(": ")[0]
    return rest.partition(" = ")[0]
