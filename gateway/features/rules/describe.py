"""Describes rules and the state of devices for the control socket. Each rule has its owner (who set it)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.control.contract.profile import (
    AllowedTarget,
    BlockedTarget,
    OpenedTarget,
    ProfileRules,
)
from gateway.control.contract.rules import LastChange
from gateway.control.contract.status import DeviceState, NextChange
from gateway.features.rules.describe_hours import (
    bedtimes,
    counted,
    limits,
    other_days,
    schedules,
    uncounted,
)
from gateway.household.rule_book import RuleBook
from gateway.policy.judge.conclude import PRODUCT
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.explanation import open_sentence, sentence
from gateway.policy.judge.target_names import target_name
from gateway.policy.judge.why import question
from gateway.policy.language import ENGLISH
from gateway.policy.profile.bypass_methods import MethodSetting
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import EntryKind, Mode, RuleEntry, Rules, SafeSearch, action_target
from gateway.policy.requests.askable import is_category_askable
from gateway.policy.time.gates import STATE_GATES
from gateway.policy.time.time_rules import FOREVER, Closing, Situation, Standing
from gateway.policy.time.time_text import clock_text
from gateway.policy.values import Decision, Reason, Verdict

ANY_HOUR = Situation(timeless=True)
_STRONGER = frozenset({Reason.LAW, Reason.REGISTER, Reason.FAMILY_BLOCK})  # stronger than an allowed name


def device_state(judge: Judge, situation: Situation, now: datetime, rules: RuleBook) -> DeviceState:
    """Return whether a device as a whole may use the internet now, until when, why, and the next change.

    ``now``: local time.
    """
    standing = judge.standing(situation, now)
    closing = _device_closing(standing)
    change = _next_change(judge, situation, now, closing)
    if closing is None:
        return DeviceState(
            state="open",
            until=None,
            reason=None,
            rule=None,
            owner=None,
            sentence=open_sentence(
                None if change is None else change.at,
                now,
                ENGLISH,
                bedtime=change is not None and change.state == "bedtime",
            ),
            next_change=change,
        )
    until = (
        None if closing.until is None or closing.until >= FOREVER else closing.until.astimezone(now.tzinfo)
    )
    decision = Decision(Verdict.BLOCK, closing.reason, closing.rule, closing.owner, until=until)
    return DeviceState(
        state=closing.reason,
        until=until,
        reason=closing.reason,
        rule=closing.rule,
        owner=closing.owner,
        sentence=sentence(decision, None, now, rules.names),
        next_change=change,
    )


def _device_closing(standing: Standing) -> Closing | None:
    return next((standing.closed[gate] for gate in STATE_GATES if gate in standing.closed), None)


def _next_change(
    judge: Judge, situation: Situation, now: datetime, closing: Closing | None
) -> NextChange | None:
    """Return when the device as a whole is next blocked, allowed, or blocked for another reason.

    The result is None if it stays as it is for two days. ``closing``: what blocks it now, or None.
    """
    at, last = now, now + timedelta(days=2)
    while True:
        at = judge.standing(situation, at).until
        if at >= last:
            return None
        then = _device_closing(judge.standing(situation, at))
        if (then is None) != (closing is None) or (then and closing and then.reason is not closing.reason):
            state = "open" if then is None else then.reason
            return NextChange(at=at.astimezone(now.tzinfo), state=state)


def profile_rules(
    judge: Judge, rules: RuleBook, situation: Situation, now: datetime, last_set: LastChange | None = None
) -> ProfileRules:
    """Return the rules that apply to one person: times, limits, blocked and allowed sites.

    Each has its owner (who set it). ``situation``: the present state of pauses and extra time. ``now``: local
    time.
    """
    profile, own = judge.profile, judge.profile.rules
    return ProfileRules(
        id=profile.id,
        name=profile.name,
        band=profile.band.value,
        mode=own.mode.value.value,
        log_level=own.log_level,
        set=last_set,
        bedtime=bedtimes(profile),
        windows=schedules(profile, rules),
        limits=limits(profile, rules),
        day_starts=clock_text(rules.calendar.day_starts),
        days=tuple(other_days(profile, rules, now.date())),
        counted=counted(profile, rules),
        uncounted=uncounted(profile, rules),
        refused=(
            *_registers(rules),
            *_refused_by_law(profile, rules),
            *_refused(profile, rules),
            *_refused_in_general(own, rules),
        ),
        allowed=tuple(
            AllowedTarget(
                target=str(entry),
                name=target_name(str(entry), rules.names),
                owner=entry.owner,
                homework=homework,
            )
            for homework, entries in ((True, own.homework), (False, own.allow))
            for entry in entries
            if _holds(entry, judge, rules, now)
        ),
        approved=judge.approves,
        opened=tuple(
            OpenedTarget(
                target=entry, name=target_name(entry, rules.names), until=until.astimezone(now.tzinfo)
            )
            for entry, until in situation.allowed
            if now < until
        ),
    )


def _refused(profile: Profile, rules: RuleBook) -> Iterator[BlockedTarget]:
    """Yield what the family and the age group block, or allow only after a parent's approval.

    What an ``allow`` or ``homework`` entry opens is left out.
    """
    own = profile.rules
    blocked = {str(entry) for entry in own.block}
    opened = {str(entry) for entry in (*own.allow, *own.homework)} - blocked
    for entry in own.block:
        is_askable = entry.kind is EntryKind.CATEGORY and is_category_askable(
            entry.value, profile, rules.world
        )
        yield _blocked(str(entry), rules, entry.owner, askable=is_askable)
    for key, action in own.categories.items():
        target = action_target(key)
        if action.value.refuses and target not in opened and target not in blocked:
            is_askable = target != key and is_category_askable(key, profile, rules.world)
            yield _blocked(target, rules, action.owner, action.value.value, askable=is_askable)


def _holds(entry: RuleEntry, judge: Judge, rules: RuleBook, now: datetime) -> bool:
    """Return whether an allow or homework entry has an effect.

    It has none if the family, a law or a state register blocks the same.
    """
    own, target = judge.profile.rules, str(entry)
    if any(str(entry) == target for entry in own.block):
        return False
    if entry.kind is EntryKind.NAME:
        # Sealed lists are left out: a file must not be usable to test names against them.
        return judge.decide(question(entry.value), ANY_HOUR, now).reason not in _STRONGER
    laws = [law.value for law in own.laws if law.value.binds(judge.profile.band)]
    named = {str(target) for law in laws for target in law.refuses}
    if entry.kind is EntryKind.SERVICE:
        service = rules.world.catalogue.services.get(entry.value)
        kinds = () if service is None else service.categories
        return named.isdisjoint({target, *(f"category:{kind}" for kind in kinds)})
    return target not in named


def _registers(rules: RuleBook) -> Iterator[BlockedTarget]:
    for register in rules.household.config.registers:
        if register.on:
            yield BlockedTarget(
                target=register.category,
                name=register.name,
                owner=register.owner,
                verdict="block",
                askable=False,
            )


def _refused_by_law(profile: Profile, rules: RuleBook) -> Iterator[BlockedTarget]:
    for law, who in ((law.value, law.owner) for law in profile.rules.laws):
        for entry in law.refuses if law.binds(profile.band) else ():
            yield _blocked(str(entry), rules, f"law:{law.id}:{who.partition(':')[2]}")


def _refused_in_general(own: Rules, rules: RuleBook) -> Iterator[BlockedTarget]:
    """Yield what is blocked regardless of site and category, such as VPNs and connections without a name."""
    if own.safe_search.value is not SafeSearch.OFF:
        yield _blocked("safe_search", rules, own.safe_search.owner)
    if own.strict.value:
        yield _blocked("strict", rules, own.strict.owner)
    for category in rules.for_everyone:
        yield _blocked(f"category:{category}", rules, PRODUCT)
    if own.unknown.value.refuses and own.mode.value is Mode.BLOCK_LIST:
        yield _blocked("unknown", rules, own.unknown.owner, own.unknown.value.value)
    for way, switch in own.ways.items():
        if switch.value is MethodSetting.BLOCK:
            yield _blocked(f"ways:{way}", rules, switch.owner)
    yield _blocked("protocol", rules, PRODUCT)


def _blocked(
    target: str, rules: RuleBook, owner: str, verdict: str = "block", *, askable: bool = False
) -> BlockedTarget:
    name = target_name(target, rules.names)
    return BlockedTarget(target=target, name=name, owner=owner, verdict=verdict, askable=askable)
