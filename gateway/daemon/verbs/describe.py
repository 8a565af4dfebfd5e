"""Rules and states as the control socket tells them: plain values, every entry with its owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.daemon.files.rules import RuleBook
from gateway.policy.conclude import PRODUCT
from gateway.policy.decide import Judge
from gateway.policy.gates import STATE_GATES
from gateway.policy.profile import Profile
from gateway.policy.rules import INTERNET, PLAY, Entry, Kind, Owned, Rules, SafeSearch
from gateway.policy.sentence import sentence
from gateway.policy.situation import FOREVER, Situation
from gateway.policy.standing import Closing, Standing
from gateway.policy.timetext import ByDay, Span, clock_text
from gateway.policy.values import Decision, Reason, Verdict
from gateway.policy.ways import Switch, Way

T = TypeVar("T")

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STATES = {
    Reason.PAUSED: "paused",
    Reason.QUARANTINED: "quarantined",
    Reason.BEDTIME: "bedtime",
    Reason.WINDOW: "window",
    Reason.OUT_OF_TIME: "out_of_time",
}
_WAYS = {
    Way.ENCRYPTED_DNS: "Encrypted DNS",
    Way.RELAY: "iCloud Private Relay",
    Way.ECH: "Connections that hide their site",
    Way.VPN: "VPN",
    Way.TOR: "Tor",
    Way.PROXY: "Proxies",
    Way.SSH: "SSH",
}


def describe_state(judge: Judge, situation: Situation, now: datetime, rules: RuleBook) -> dict[str, object]:
    """``state until reason rule owner sentence next_change`` of a device as a whole. ``now`` in the home's
    zone.
    """
    standing = judge.standing(situation, now)
    closing = _device_closing(standing)
    change = _next_change(judge, situation, now, closing)
    next_change = None if change is None else {"at": change[0], "state": change[1]}
    if closing is None:
        return {
            "state": "open",
            "until": None,
            "reason": None,
            "rule": None,
            "owner": None,
            "sentence": _open_sentence(change, now),
            "next_change": next_change,
        }
    until = (
        None if closing.until is None or closing.until >= FOREVER else closing.until.astimezone(now.tzinfo)
    )
    decision = Decision(Verdict.BLOCK, closing.reason, closing.rule, closing.owner, until=until)
    return {
        "state": _STATES[closing.reason],
        "until": until,
        "reason": closing.reason,
        "rule": closing.rule,
        "owner": closing.owner,
        "sentence": sentence(decision, None, now, rules.names),
        "next_change": next_change,
    }


def _device_closing(standing: Standing) -> Closing | None:
    return next((standing.closed[gate] for gate in STATE_GATES if gate in standing.closed), None)


def _next_change(
    judge: Judge, situation: Situation, now: datetime, closing: Closing | None
) -> tuple[datetime, str] | None:
    """When the device as a whole opens or closes next, within the next two days."""
    at, last = now, now + timedelta(days=2)
    while True:
        at = judge.standing(situation, at).until
        if at >= last:
            return None
        then = _device_closing(judge.standing(situation, at))
        if (then is None) != (closing is None) or (then and closing and then.reason is not closing.reason):
            return at.astimezone(now.tzinfo), "open" if then is None else _STATES[then.reason]


def _open_sentence(change: tuple[datetime, str] | None, now: datetime) -> str:
    if change is None:
        return "Open."
    at, state = change
    when = f"{at:%H:%M}" if at - now < timedelta(days=1) else f"{at:%H:%M on %A}"
    return ("Open until bedtime at {}." if state == "bedtime" else "Open until {}.").format(when)


def describe_profile(
    profile: Profile, rules: RuleBook, last_set: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The verb ``profile``'s answer: what is in force. Limits are not, while nobody counts minutes."""
    own = profile.rules
    names = rules.names
    refused: list[dict[str, object]] = [_entry(one, rules) | {"verdict": "refuse"} for one in own.block]
    for category, action in own.categories.items():
        if action.value.refuses:
            target = f"category:{category}"
            name = names.categories.get(category, category)
            refused.append(
                {"target": target, "name": name, "owner": action.owner, "verdict": action.value.value}
            )
    return {
        "profile": {
            "id": profile.id,
            "name": profile.name,
            "band": profile.band.value,
            "mode": own.mode.value.value,
            "log_level": own.log_level,
            "set": last_set,
            "bedtime": [
                {"days": days, "owner": span.owner, **_hours(span.value)}
                for bedtime in (own.bedtime, *((own.self_set.bedtime,) if own.self_set else ()))
                for days, span in by_days(bedtime)
            ],
            "windows": [
                {"target": target, "name": target_name(target, rules), "days": days, "owner": spans.owner}
                | _hours(span)
                for target, windows in own.windows.items()
                for days, spans in by_days(windows)
                for span in spans.value
            ],
            "refused": [
                *_registers(rules),
                *_refused_by_law(profile, rules),
                *refused,
                *_refused_in_general(own, rules),
            ],
            "allowed": [_entry(one, rules) for one in (*own.allow, *own.homework)],
        }
    }


def _registers(rules: RuleBook) -> Iterator[dict[str, object]]:
    for one in rules.household.config.registers:
        if one.on:
            yield _general(one.category, one.name, one.owner)


def _refused_by_law(profile: Profile, rules: RuleBook) -> Iterator[dict[str, object]]:
    for law, who in ((one.value, one.owner) for one in profile.rules.laws):
        for entry in law.refuses if law.binds(profile.band) else ():
            owner = f"law:{law.id}:{who.partition(':')[2]}"
            yield _entry(entry, rules) | {"owner": owner, "verdict": "refuse"}


def _refused_in_general(own: Rules, rules: RuleBook) -> Iterator[dict[str, object]]:
    """What is refused whatever its name or kind."""
    if own.safe_search.value is not SafeSearch.OFF:
        yield _general("safe_search", "Adult results in searches", own.safe_search.owner)
    if own.strict.value:
        yield _general("strict", "Connections that name no site", own.strict.owner)
    for category in rules.for_everyone:
        yield _general(f"category:{category}", rules.names.categories.get(category, category), PRODUCT)
    for way, switch in own.ways.items():
        if switch.value is Switch.REFUSE:
            yield _general(f"ways:{way}", _WAYS[way], switch.owner)
    yield _general("protocol", "Internet protocols that no app needs", PRODUCT)


def _general(target: str, name: str, owner: str) -> dict[str, object]:
    return {"target": target, "name": name, "owner": owner, "verdict": "refuse"}


def by_days(values: ByDay[Owned[T]]) -> Iterator[tuple[str | None, Owned[T]]]:
    """Each value with the days that it is for: None for all, else ``school``, ``free`` or a weekday."""
    school, free = values.values[:5], values.values[7:]
    if len({*school, *free}) == 1:
        groups: list[tuple[str | None, Owned[T] | None]] = [(None, school[0])]
    else:
        groups = []
        groups += [("school", school[0])] if len({*school}) == 1 else list(zip(_DAYS, school, strict=False))
        groups += [("free", free[0])] if len({*free}) == 1 else list(zip(_DAYS[5:], free[5:], strict=True))
    yield from ((days, value) for days, value in groups if value is not None)


def _hours(span: Span) -> dict[str, object]:
    return {"from": clock_text(span.start), "to": clock_text(span.end)}


def _entry(entry: Entry, rules: RuleBook) -> dict[str, object]:
    return {"target": str(entry), "name": _entry_name(entry, rules), "owner": entry.owner}


def _entry_name(entry: Entry, rules: RuleBook) -> str:
    names: dict[Kind, Callable[[str], str]] = {
        Kind.SERVICE: lambda key: rules.names.services.get(key, key),
        Kind.CATEGORY: lambda key: rules.names.categories.get(key, key),
        Kind.NAME: str,
    }
    return names[entry.kind](entry.value)


def target_name(target: str, rules: RuleBook) -> str:
    kind, _, key = target.partition(":")
    if kind == "service":
        return rules.names.services.get(key, key)
    if kind == "category":
        return rules.names.categories.get(key, key)
    return {INTERNET: "The internet", PLAY: "Play"}.get(target, target)
