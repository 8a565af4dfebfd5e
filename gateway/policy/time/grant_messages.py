"""English sentences about extra time, opened sites and requests; and whether a site can be requested."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.judge.conclude import conclude
from gateway.policy.judge.decide import REFUSED_FOR_EVERYONE
from gateway.policy.judge.explanation import Names
from gateway.policy.judge.facts import FactFinder
from gateway.policy.judge.world import World
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import INTERNET, PLAY
from gateway.policy.requests.requests import ChildRequest, RequestTopic
from gateway.policy.time.extension import Extension
from gateway.policy.time.gates import BEDTIME, DEVICE, WINDOW
from gateway.policy.values import Decision, Reason

ENGLISH = {
    "until": "{what} is open for {name} until {when}.",
    "more": "{name} has {minutes} of {what} more today.",
    "minute": "1 minute",
    "minutes": "{minutes} minutes",
    "paused": "The pause goes on.",
    "opened": "{what} is open for {name} until {when}.",
    "always": "{what} is open for {name} from now on.",
    "no": "{name} is told no.",
    "asks": "{name} asks for {what}.",
    "doubts": "{name} thinks that {minutes} of {what} are not right.",
    "time": "{minutes} more",
    "time_of": "{minutes} more of {what}",
    "the_internet": "The internet",
    "of_internet": "the internet",
    "play": "Play",
    "of_play": "play",
}

_WHOLE = frozenset({DEVICE, BEDTIME, INTERNET})


def gate_name(gate: str, names: Names, *, inside: bool = False) -> str:
    """Return the name of a gate for a sentence: its start, or ``inside`` it."""
    target = gate.removeprefix(WINDOW)
    if target in _WHOLE:
        return ENGLISH["of_internet" if inside else "the_internet"]
    if target == PLAY:
        return ENGLISH["of_play" if inside else "play"]
    return thing_name(target, names)


def thing_name(thing: str, names: Names) -> str:
    """Return the name of `service:x`, `category:x`, `group:x`, or a site unchanged."""
    kind, _, key = thing.partition(":")
    if kind == "service":
        return names.services.get(key, key)
    if kind == "category":
        return names.categories.get(key, key.replace("_", " "))
    return key.replace("-", " ") if kind == "group" else thing


def limits_name(gates: str, names: Names) -> str:
    """Return the names of several limits, given with spaces between them, separated by commas."""
    return ", ".join(gate_name(gate, names) for gate in gates.split())


def minutes_text(minutes: int) -> str:
    return ENGLISH["minute"] if minutes == 1 else ENGLISH["minutes"].format(minutes=minutes)


def given_sentence(
    name: str, extensions: Sequence[Extension], now: datetime, names: Names, *, paused: bool = False
) -> str:
    """Return the sentence about what one grant gave a person.

    ``now``: local; ``extensions`` must not be empty; ``paused``: a pause goes on.
    """
    first = extensions[0]
    ends = [extension.until for extension in extensions if extension.until is not None]
    if ends:
        what = gate_name(first.gate if first.service is None else f"service:{first.service}", names)
        said = ENGLISH["until"].format(what=what, name=name, when=when(max(ends), now))
    else:
        gate = first.gate if first.service is None else f"service:{first.service}"
        what = gate_name(gate, names, inside=True)
        said = ENGLISH["more"].format(name=name, minutes=minutes_text(first.minutes), what=what)
    return f"{said} {ENGLISH['paused']}" if paused else said


def opened_sentence(name: str, entry: str, until: datetime | None, now: datetime, names: Names) -> str:
    """Return the sentence about an opened site or service. ``until`` None: permanently."""
    what = thing_name(entry, names)
    if until is None:
        return ENGLISH["always"].format(what=what, name=name)
    return ENGLISH["opened"].format(what=what, name=name, when=when(until, now))


def asked_sentence(request: ChildRequest, name: str, names: Names) -> str:
    """Return the sentence about what a child requests."""
    if request.topic is RequestTopic.SITE:
        return ENGLISH["asks"].format(name=name, what=thing_name(request.thing, names))
    if request.topic is RequestTopic.LEDGER:
        what, minutes = limits_name(request.thing, names), minutes_text(request.minutes)
        return ENGLISH["doubts"].format(name=name, minutes=minutes, what=what)
    key = "time_of" if request.thing else "time"
    what = names.services.get(request.thing, request.thing)
    asked = ENGLISH[key].format(minutes=minutes_text(request.minutes), what=what)
    return ENGLISH["asks"].format(name=name, what=asked)


def when(at: datetime, now: datetime) -> str:
    """Return a time as text: the time of day, also the weekday if it is a day or more ahead."""
    local = at.astimezone(now.tzinfo)
    near = at - now < timedelta(days=1)
    return f"{local:%H:%M}" if near else f"{local:%A} {local:%H:%M}"


def outcome(host: str, profile: Profile, world: World) -> Decision:
    """Return the decision about a host under a profile without time rules, pauses and grants."""
    part = conclude(FactFinder(profile, world).facts(host), profile)
    if part.help:
        return part.outcome
    return REFUSED_FOR_EVERYONE if part.binding else part.register or part.outcome


def check_askable(host: str, decision: Decision, name: str) -> None:
    """Raise PolicyError if a site cannot be requested. ``decision``: from `outcome`."""
    if decision.allowed:
        problem, fix = f"is not refused for {name}", "ask for time, if it is closed now"
        raise PolicyError(host, problem, fix).coded(Code.NOT_REFUSED, host=host, name=name)
    if decision.reason is Reason.REFUSED_FOR_EVERYONE:
        error = PolicyError(host, "is refused for everyone", "nobody here can open it")
        raise error.coded(Code.FOR_EVERYONE, host=host)
    if decision.reason is Reason.REGISTER:
        fix = "a guardian can turn the register off for the home"
        raise PolicyError(host, "is on a state's register", fix).coded(Code.ON_REGISTER, host=host)
    if not decision.askable:
        error = PolicyError(host, "is refused by rules that take no request", "talk to a guardian about it")
        raise error.coded(Code.NOT_ASKABLE, host=host)
