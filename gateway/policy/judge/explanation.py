"""Explains a Decision in plain sentences: the state, until when, and who decided. Says where to complain.

The words come from a catalogue, so that other languages can replace them. The child's page, the parents'
page, the DNS error, `qalqan why` and the log all use the same decision. The pages import this module: it must
not import the YAML library or the judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.policy.language import Language
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.profile.rules import CATEGORY, FAMILY, INTERNET, PLAY, SELF, SERVICE
from gateway.policy.rule_text import OFF_RULE, read_rule, signal_rule
from gateway.policy.time.gates import is_limit
from gateway.policy.time.limit_periods import LimitPeriod
from gateway.policy.time.moments import clock as moment_text
from gateway.policy.values import (
    LAW,
    TIME_REASONS,
    WHOLE_DEVICE_REASONS,
    Decision,
    Reason,
    RecognitionSign,
    Verdict,
)

if TYPE_CHECKING:  # the pages import this module; the type alone is needed
    from gateway.policy.time.time_rules import Left

Words = Mapping[str, str]

GUARDIAN = "guardian"  # owner of an immediate action of one person, as in "guardian:Mum"
MAX_SHORT = 120  # bytes of an Extended DNS Error's text, which shares a UDP answer with the rest


def _by_period(kind: str, texts: Words) -> Words:
    """Return the texts about a limit for each period, with its word such as "this week" for ``{this}``."""
    return {
        f"{kind}_{amount}_{period}": text.replace("{this}", period.this)
        for period in LimitPeriod
        for amount, text in texts.items()
    }


ENGLISH: Words = {
    # The state. {what} is a service, a site or "The internet".
    "help": "{what} is always allowed.",
    "refused_for_everyone": "{what} is blocked for everyone.",
    "register": "{what} is blocked: it is on a list of a state, the register of {state}.",
    "quarantined": "This device is new here and waits for an answer.",
    "paused": "The internet is paused{until}.",
    "bedtime": "It is bedtime: the internet is blocked{until}.",
    "window": "{what} is blocked{until}.",
    "out_of_time": "{what} is blocked{until}: {spent}.",
    "device_needs": "{what} is allowed: devices need it.",
    "homework": "{what} is allowed{until}: it is for homework.",
    "family_allow": "{what} is allowed{until}.",
    "family_block": "{what} is blocked.",
    "service": "{what} is blocked.",
    "category": "{what} is blocked: {kind}.",
    "law": "{what} is blocked: a law asks for an older age. {law}.",
    "new_domain": "{what} is blocked: the name was registered a few days ago.",
    "unknown_domain": "{what} is blocked: no rule allows it yet.",
    "not_on_list": "{what} is not on the list of sites.",
    "safe_search": "{what} is allowed in its safe mode{until}.",
    "safe_search_address": "{what} is allowed in its safe mode only.",
    "no_name": "A connection that names no site is blocked.",
    "bad_name": "A connection with an impossible name is blocked.",
    "ech": "A connection that hides its site is blocked.",
    "malformed": "A damaged connection is blocked.",
    "fragment": "A connection in fragments is blocked.",
    "overflow": "A damaged connection is blocked.",
    "unanswered": "A connection without an answer is blocked.",
    "protocol": "An internet protocol that no app needs is blocked.",
    "encrypted_dns": (
        "Encrypted DNS is a safety tool for many people. "
        "It is off here because it would bypass the family's rules."
    ),
    "relay": (
        "Private Relay is a privacy tool for many people. "
        "It is off here because it would bypass the family's rules."
    ),
    "vpn": "A VPN is blocked: it would bypass the family's rules.",
    "tor": "Tor is blocked: it would bypass the family's rules.",
    "proxy": "A proxy is blocked: it would bypass the family's rules.",
    "ssh": "SSH is blocked: it can bypass the family's rules.",
    "unresolved": "{what} is blocked: the address is not known to be its own.",
    "resolver_signal": "Encrypted DNS is off in this home.",
    "gateway": "These are the gateway's own pages.",
    "unfiltered": "{what} is allowed: nothing is filtered on this device.",
    "off": "{what} is allowed: filtering is off{until}.",
    "open": "{what} is allowed{until}.",
    # How much of a limit. {kind} is empty, or "for_kind".
    "spent": "the time for today is used",
    **_by_period(
        "spent",
        {
            "none": "there is no time{kind} {this}",
            "minute": "{this}'s minute{kind} is used",
            "minutes": "{this}'s {count} minutes{kind} are used",
            "hour": "{this}'s hour{kind} is used",
            "hours": "{this}'s {count} hours{kind} are used",
            "time": "{this}'s {count}{kind} are used",  # hours and minutes
        },
    ),
    **_by_period(
        "left",
        {
            "minute": "1 minute left {this}{kind}.",
            "minutes": "{count} minutes left {this}{kind}.",
            "time": "{count} left {this}{kind}.",  # an hour or more
        },
    ),
    "hours": "{hours} h",
    "hours_minutes": "{hours} h {minutes} min",
    "for_kind": " for {name}",
    "play": "play",
    # Until when.
    "until": " until {when}",
    "on_weekday": "{weekday} {clock}",
    "on_date": "{day} {month}, {clock}",
    # Who decided.
    "by_person": "{name} set this on {weekday}.",
    "by_person_today": "{name} set this today.",
    "by_person_before": "{name} set this on {day} {month}.",
    "by_family": "Your family set this.",
    "by_guardian": "{name} set this.",
    "by_self": "This is {name}'s own choice.",
    "by_band": "These are the {band} rules.",
    "by_register": "{name} turned it on, on {weekday}.",
    "by_register_today": "{name} turned it on today.",
    "by_register_before": "{name} turned it on, on {day} {month}.",
    "by_register_once": "{name} turned it on.",
    "by_register_home": "It was turned on in this home.",
    # Where to complain.
    "contest_ask": "You can ask for it.",
    "contest_time": "You can ask for time.",
    "contest_parent": "A parent can change it.",
    "contest_provider": "The internet provider can look into it.",
    "contest_state": "You can complain about it.",
    "contest_maker": "The makers of the program can look into it.",
    # How a connection was recognised that does not name its service.
    "sign_address": "The connection was recognised by its address.",
    "sign_first_bytes": "The connection was recognised by its first bytes.",
    "sign_port": "The connection was recognised by its port, right after the app was in use.",
    "the_internet": "The internet",
    "a_site": "This site",
    "weekdays": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday",
    "months": ("January,February,March,April,May,June,July,August,September,October,November,December"),
}

HOUR = 60  # minutes
_ANY_SERVICE = WHOLE_DEVICE_REASONS | {Reason.UNFILTERED}
_INTERNET_SETTINGS = frozenset({f"windows/{INTERNET}", f"limits/{INTERNET}"})


class Decider(StrEnum):
    """The party that decided: family, age group, law, state register, lists for everyone, or Qalqan."""

    FAMILY = "family"  # a rule of this family, a guardian's immediate action, or a time that a teenager set
    BAND = "band"  # the rules of an age group, which come with the program
    LAW = "law"  # a law that a guardian turned on
    REGISTER = "register"  # a state's register that a guardian turned on
    LISTS = "lists"  # blocked for everyone; the list is never named
    PRODUCT = "product"  # a part of the program


class Contest(StrEnum):
    """The way to complain about a block; see `contest`."""

    ASK = "ask"  # with one tap
    TIME = "time"  # a child requests time
    PARENT = "parent"  # a person who can change it here
    PROVIDER = "provider"  # the provider checks a list of harmful sites, and forwards the complaint
    STATE = "state"  # the authority for complaints about it
    MAKER = "maker"  # the makers of the program


_OWNERS = {
    FAMILY: Decider.FAMILY,
    GUARDIAN: Decider.FAMILY,
    SELF: Decider.FAMILY,
    "band": Decider.BAND,
}


@dataclass(frozen=True, slots=True)
class Names:
    """Names of services, categories, groups, laws and states by id, and sentences, in one language.

    The default has English sentences and no names: messages then show ids, or the host in place of a service.
    """

    services: Mapping[str, str] = field(default_factory=dict)  # id → name
    categories: Mapping[str, str] = field(default_factory=dict)  # id → name
    groups: Mapping[str, str] = field(default_factory=dict)  # id → name
    laws: Mapping[str, str] = field(default_factory=dict)  # id → name
    states: Mapping[str, str] = field(default_factory=dict)  # countries that have registers: code → name
    words: Words = field(default_factory=lambda: ENGLISH)


@dataclass(frozen=True, slots=True)
class SetBy:
    """The person who set a rule, and when, from the audit log."""

    name: str  # the guardian's name
    at: datetime  # aware


def sentence(
    decision: Decision,
    what: str | None,
    now: datetime,
    names: Names | None = None,
    set_by: SetBy | None = None,
    left: Left | None = None,
) -> str:
    """Return one to four sentences about a decision: the state and until when, the time left, who decided.

    The last one says how the service was recognised, if the connection does not name it.

    Arguments:
        what: a host name, or a person's name for it; None for a flow that names nothing.
        now: an aware datetime in the household's zone; days and times are shown in that zone.
        set_by: the person who set the family's rule; None: unknown, and the sentence names the family.
        left: the remaining time of what is open; shown only if it is that of a limit.
    """
    names = names or Names()
    sentences = [_what_is(decision, what, now, names)]
    if decision.allowed and left is not None and left.at is None and is_limit(left.gate):
        sentences.append(_left(left, names))
    who = _who(decision, now, names.words, set_by)
    if who:
        sentences.append(who)
    sign = sign_of(decision)
    if sign is not None:
        sentences.append(names.words[f"sign_{sign}"])
    return " ".join(sentences)


def sign_of(decision: Decision) -> RecognitionSign | None:
    """Return the property by which the service of a connection without a host name was recognised.

    None if it was not recognised so, or if the decision does not depend on the service.
    """
    recognised = decision.recognised
    return None if recognised is None or decision.reason in _ANY_SERVICE else recognised.sign


def open_sentence(until: datetime | None, now: datetime, language: Language, *, bedtime: bool) -> str:
    """Return a sentence that says until when a device is open. ``bedtime``: whether bedtime ends it.

    ``until`` None: no end is known.
    """
    _ = language.gettext
    if until is None:
        return _("Open.")
    shown = moment_text(until, now, language)
    if bedtime:
        return _("Open until bedtime at %(at)s.", at=shown)
    return _("Open until %(until)s.", until=shown)


def short(decision: Decision, what: str | None, now: datetime, names: Names | None = None) -> str:
    """Return a decision as text for an Extended DNS Error (RFC 8914 §2), at most MAX_SHORT bytes.

    It has the state; for a block, if there is room, also who decided and where to complain.
    """
    names = names or Names()
    text = _what_is(decision, what, now, names)
    while len(text.encode()) > MAX_SHORT:
        text = text[:-2].rstrip() + "…"
    if decision.verdict is Verdict.BLOCK:
        for more in (_who(decision, now, names.words, None), names.words[f"contest_{contest(decision)}"]):
            text = f"{text} {more}" if more and len(f"{text} {more}".encode()) <= MAX_SHORT else text
    return text


def _what_is(decision: Decision, what: str | None, now: datetime, names: Names) -> str:
    words = names.words
    return words[_state_key(decision)].format(
        what=_subject(decision, what, names),
        until=_until(decision.until, now, words),
        kind=_kind(decision, names),
        law=_law(decision, names),
        state=state_of(decision, names),
        spent=_spent(decision.rule, names),
    )


def _state_key(decision: Decision) -> str:
    if decision.rule == OFF_RULE:
        return "off"
    # A query for a name of Private Relay is a signal, as one for an encrypted resolver is.
    is_relay = decision.reason is Reason.RESOLVER_SIGNAL and decision.rule == signal_rule(BypassMethod.RELAY)
    return str(Reason.RELAY if is_relay else decision.reason)


def _left(left: Left, names: Names) -> str:
    words, kind = names.words, _limited(left.gate, names)
    if left.minutes >= HOUR:
        return words[f"left_time_{left.period}"].format(count=_time(left.minutes, words), kind=kind)
    unit = "minute" if left.minutes == 1 else "minutes"
    return words[f"left_{unit}_{left.period}"].format(count=left.minutes, kind=kind)


def _time(minutes: int, words: Words) -> str:
    """Return 60 minutes or more as text: ``2 h``, ``1 h 30 min``."""
    hours, rest = divmod(minutes, HOUR)
    return words["hours_minutes" if rest else "hours"].format(hours=hours, minutes=rest)


def _spent(rule: str, names: Names) -> str:
    """Return the clause about the used time of the limit in ``rule``: "today's 45 minutes are used"."""
    words, limit = names.words, read_rule(rule)
    if limit.minutes is None:
        return words["spent"]
    minutes, period, kind = limit.minutes, limit.period, _limited(limit.target, names)
    if minutes > HOUR and minutes % HOUR:
        return words[f"spent_time_{period}"].format(count=_time(minutes, words), kind=kind)
    count, unit = (minutes // HOUR, "hour") if minutes and minutes % HOUR == 0 else (minutes, "minute")
    amount = "none" if not minutes else unit if count == 1 else f"{unit}s"
    return words[f"spent_{amount}_{period}"].format(count=count, kind=kind)


def _limited(gate: str, names: Names) -> str:
    """Return the words for what a limit is about, such as " for games"; empty for a service or internet."""
    kind, _, key = gate.partition(":")
    if gate == PLAY:
        name = names.words["play"]
    elif kind == "group":
        name = names.groups.get(key, key)
    elif kind == "category":
        name = names.categories.get(key, key.replace("_", " "))
    else:
        return ""
    # Lower case within the sentence, except abbreviations: "Games" → "games", but "AI companions".
    return names.words["for_kind"].format(name=name if name[1:2].isupper() else name[:1].lower() + name[1:])


def _subject(decision: Decision, what: str | None, names: Names) -> str:
    """Return the subject of the sentence: the internet, the service that the rule names, or the host.

    ``what``: the host, or a person's name for it; without it, a recognised service or "This site".
    """
    rule = read_rule(decision.rule)
    if decision.reason in WHOLE_DEVICE_REASONS or rule.setting in _INTERNET_SETTINGS:
        return names.words["the_internet"]
    service = names.services.get(rule.id_of(SERVICE))
    return service or what or recognised_name(decision, names) or names.words["a_site"]


def recognised_name(decision: Decision, names: Names) -> str:
    """Return the names of the services that a connection without a host name was recognised as, or "".

    They are separated by commas. If the rule is about a service, only its name is returned.
    """
    if decision.recognised is None:
        return ""
    service = read_rule(decision.rule).id_of(SERVICE)
    services = (service,) if service else decision.recognised.services
    return ", ".join(names.services[found] for found in services if found in names.services)


def _kind(decision: Decision, names: Names) -> str:
    category = read_rule(decision.rule).id_of(CATEGORY)
    return names.categories.get(category, category.replace("_", " "))


def _law(decision: Decision, names: Names) -> str:
    law = read_rule(decision.rule).id_of(LAW)
    return names.laws.get(law, law)


def state_of(decision: Decision, names: Names) -> str:
    """Return the name of the country in a state register's rule; the code in capitals without a name."""
    code = read_rule(decision.rule).id_of(LAW)
    return names.states.get(code, code.upper())


def _until(until: datetime | None, now: datetime, words: Words) -> str:
    if until is None:
        return ""
    local = until.astimezone(now.tzinfo)
    clock = f"{local.hour:02}:{local.minute:02}"
    if until - now < timedelta(days=1):
        when = clock
    elif until - now < timedelta(days=6):
        when = words["on_weekday"].format(weekday=_weekday(local, words), clock=clock)
    else:
        when = words["on_date"].format(day=local.day, month=_month(local, words), clock=clock)
    return words["until"].format(when=when)


def _weekday(at: date, words: Words) -> str:
    return words["weekdays"].split(",")[at.weekday()]


def _month(at: date, words: Words) -> str:
    return words["months"].split(",")[at.month - 1]


def _who(decision: Decision, now: datetime, words: Words, set_by: SetBy | None) -> str:
    """Return the sentence about who set the deciding rule; "" if the owner is of no use to the reader."""
    kind, _, name = decision.owner.partition(":")
    if decision.reason is Reason.REGISTER:
        return _by_register(read_rule(decision.rule).since, name.partition(":")[2], now.date(), words)
    if decision.verdict is Verdict.ALLOW and decision.reason in (Reason.OPEN, Reason.DEVICE_NEEDS):
        return ""
    if kind == "family":
        return words["by_family"] if set_by is None else _by_person(set_by, now, words)
    if kind == "band" and decision.verdict is Verdict.BLOCK:
        return words["by_band"].format(band=name)
    if kind in (GUARDIAN, SELF):
        return words[f"by_{kind}"].format(name=name)
    return ""


def _by_person(set_by: SetBy, now: datetime, words: Words) -> str:
    at = set_by.at.astimezone(now.tzinfo)
    if at.date() == now.date():
        return words["by_person_today"].format(name=set_by.name)
    if now.date() - at.date() < timedelta(days=7):
        return words["by_person"].format(name=set_by.name, weekday=_weekday(at, words))
    return words["by_person_before"].format(name=set_by.name, day=at.day, month=_month(at, words))


def _by_register(on: date | None, who: str, today: date, words: Words) -> str:
    """Return the sentence about who turned on a state register, and on which day.

    ``on``: that day; ``who``: empty if unknown.
    """
    if not who:
        return words["by_register_home"]
    if on is None:
        return words["by_register_once"].format(name=who)
    if on == today:
        return words["by_register_today"].format(name=who)
    if today - on < timedelta(days=7):
        return words["by_register"].format(name=who, weekday=_weekday(on, words))
    return words["by_register_before"].format(name=who, day=on.day, month=_month(on, words))


def decider(decision: Decision) -> Decider:
    """Return the party that decided: family, age group, law, state register, lists, or Qalqan."""
    if decision.reason is Reason.REFUSED_FOR_EVERYONE:
        return Decider.LISTS
    if decision.reason is Reason.REGISTER:
        return Decider.REGISTER
    if decision.reason is Reason.LAW:
        return Decider.LAW
    return _OWNERS.get(decision.owner.partition(":")[0], Decider.PRODUCT)


def contest(decision: Decision) -> Contest:
    """Return where to complain about a block: a request for the site or for time, a parent, and others.

    The others: the internet provider, an authority, and the makers of Qalqan. Complaining to a
    parent is always possible as well.
    """
    who = decider(decision)
    if who is Decider.LISTS:
        return Contest.PROVIDER
    if who is Decider.REGISTER:
        return Contest.STATE
    if decision.reason in TIME_REASONS:
        return Contest.TIME
    if decision.askable:
        return Contest.ASK
    return Contest.MAKER if who is Decider.PRODUCT else Contest.PARENT


def setting(decision: Decision) -> str:
    """Return the key of the deciding rule in the profile's file, such as ``block/service:tiktok``.

    The history of edits uses the same keys. Empty if that rule cannot be edited, or is not in the file: a
    time that a teenager set.
    """
    of_teenager = decision.owner.partition(":")[0] == SELF
    if of_teenager or decider(decision) in (Decider.LISTS, Decider.REGISTER, Decider.PRODUCT):
        return ""
    return read_rule(decision.rule).setting


def category_of(decision: Decision) -> str:
    """Return the id of the category because of which the decision blocks; empty for none."""
    about = decision.reason in (Reason.CATEGORY, Reason.NEW_DOMAIN, Reason.FAMILY_BLOCK)
    return read_rule(decision.rule).id_of(CATEGORY) if about else ""


def decided_to_dict(decision: Decision) -> dict[str, object] | None:
    """Return who decided a block, its category and where to complain, in JSON types; None for an allow.

    The keys are ``who`` (a `Decider`), ``kind`` (category id, or None) and ``contest`` (a `Contest`).
    """
    if decision.verdict is not Verdict.BLOCK:
        return None
    return {
        "who": decider(decision).value,
        "kind": category_of(decision) or None,
        "contest": contest(decision).value,
    }
