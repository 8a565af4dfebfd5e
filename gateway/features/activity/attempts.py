"""Counts attempts instead of packets: what a person would call "it was tried once". Pure: no I/O, no clock.

An attempt is a burst: all blocked decisions of one device for one service, or for one site if it has no
service, until the device is quiet for QUIET. A burst that goes on after BURST_LIMIT counts as another
attempt. docs/families/activity.md has the definition.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from gateway.policy.names.categories import PROXY, TOR
from gateway.policy.names.hosts import PublicSuffixCheck
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.bypass_methods import REASONS
from gateway.policy.profile.rules import CATEGORY, SERVICE
from gateway.policy.requests.site_repair import domain_of
from gateway.policy.rule_text import read_rule
from gateway.policy.values import TEMPORARY_REASONS, Decision, Observation, Proto, Reason

# Ends a burst. Browsers load a blocked page again after 1, 5, 30 and 60 seconds, and TCP sends a SYN again
# after up to 64 seconds: all of that is one attempt.
QUIET = timedelta(minutes=2)
# A page that reloads without end is one attempt each half hour, so that the count still shows that it lasts.
BURST_LIMIT = timedelta(minutes=30)
# An attempt without other use of the device this long before or after it was made in the background.
NEAR_USE = timedelta(minutes=2)
# An app that a person opens queries several of its names within seconds. A retry in the background queries
# one or two, or repeats an attempt of the last half hour.
OPENING = timedelta(seconds=10)
OPENING_NAMES = 3
STARTS = 4  # that are compared: equal gaps between four attempts are a timer, not a person
TIMER_ERROR = 0.1  # of the mean gap: systems delay timers, to wake up less often
BURSTS_LIMIT = 1024  # of all devices, 0.5 kB each; beyond it the oldest are forgotten, and counted again
UNSURE_LIMIT = 32  # of one device within NEAR_USE; beyond it the oldest stay background attempts

REASON = "reason:"
ADS = f"{CATEGORY}ads_trackers"
BYPASS_REASONS = frozenset(REASONS.values())
BYPASS_KINDS = frozenset({PROXY, TOR})
# Allowed connections with these reasons do not show that a person uses the device. Help leaves no trace.
NO_USE = frozenset({Reason.DEVICE_NEEDS, Reason.HELP, Reason.RESOLVER_SIGNAL, Reason.UNFILTERED})


def kind_of_rule(rule: str, reason: str) -> str:
    """Return the key by which a decision is counted: ``category:x`` or ``service:x``, else the reason.

    The category or service is the one that its rule names.
    """
    target = read_rule(rule).target
    return target if target.startswith((CATEGORY, SERVICE)) else str(reason)


def attempt_target(
    host: str, reason: str, rule: str, catalogue: Catalogue, is_public_suffix: PublicSuffixCheck
) -> str:
    """Return what a blocked decision was for: ``service:x``, a registered domain, or ``reason:x``.

    ``rule``: the rule that blocked it. ``reason:x`` is for connections without a host name.
    """
    service = kind_of_rule(rule, reason)
    if service.startswith(SERVICE):
        return service
    services = catalogue.services_of(host) if host else ()
    if len(services) == 1:
        return SERVICE + services[0]
    return domain_of(host, is_public_suffix) if host else REASON + reason


def is_bypass(target: str, reason: str, rule: str, catalogue: Catalogue) -> bool:
    """Return whether a blocked decision was about a bypass method, such as a VPN."""
    if reason in BYPASS_REASONS:
        return True
    kinds = catalogue.kinds_of(target.removeprefix(SERVICE)) if target.startswith(SERVICE) else ()
    kind = kind_of_rule(rule, reason).removeprefix(CATEGORY)
    return kind in BYPASS_KINDS or not BYPASS_KINDS.isdisjoint(kinds)


def is_known_background(target: str, reason: str, rule: str) -> bool:
    """Return whether an attempt counts as a background attempt even while a person uses the device.

    True for ads and trackers, and for a target ``reason:x``: connections without a host name, and names that
    are blocked for everyone. But an attempt at a bypass method (BYPASS_REASONS), such as a VPN, counts as a
    person's then. ``target``: as from `attempt_target`.
    """
    return kind_of_rule(rule, reason) == ADS or (target.startswith(REASON) and reason not in BYPASS_REASONS)


def shows_use(seen: Observation, decision: Decision) -> bool:
    """Return whether an allowed decision shows that a person uses the device.

    A DNS query does not: devices look up many names that they do not use. One for Qalqan's pages does.
    """
    if seen.proto is Proto.DNS:
        return decision.reason is Reason.GATEWAY
    return decision.allowed and decision.reason not in NO_USE


@dataclass(frozen=True, slots=True)
class Attempt:
    """The first blocked decision of a burst: of the repeated tries of a device to reach one target.

    ``background``: the device made it without a person. ``slot``: the number of a filtered device,
    or of several of one profile that are counted together.
    """

    slot: int
    seen: Observation
    decision: Decision
    at: datetime
    background: bool
    target: int = 0  # the hash of what it was for


@dataclass(slots=True)
class _Burst:
    last: datetime
    starts: deque[datetime] = field(default_factory=lambda: deque(maxlen=STARTS))
    background: bool = False  # the latest attempt

    def continues(self, at: datetime) -> bool:
        return abs(at - self.last) < QUIET and at - self.starts[-1] < BURST_LIMIT

    @property
    def is_timed(self) -> bool:
        """Whether the last STARTS attempts began at nearly equal intervals, as those of a timer do."""
        if len(self.starts) < STARTS:
            return False
        times = list(self.starts)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        return max(gaps) - min(gaps) <= TIMER_ERROR * (sum(gaps, timedelta()) / len(gaps))


class Attempts:
    """Groups blocked decisions about one target into attempts: devices repeat a blocked connection.

    In memory it has the latest bursts (such repetitions), and the last use of each slot. A slot is
    the number of a filtered device, or of several of one profile that are counted together.
    """

    def __init__(self) -> None:
        # By slot and the hash of the target: no name of a site stays in memory for it.
        self._bursts: OrderedDict[tuple[int, int], _Burst] = OrderedDict()
        self._used: dict[int, datetime] = {}
        # In the background, unless more names follow within OPENING; with the hashes of the names.
        self._openings: OrderedDict[tuple[int, int], tuple[Attempt, set[int]]] = OrderedDict()
        # In the background, unless use follows soon.
        self._unsure: defaultdict[int, deque[Attempt]] = defaultdict(lambda: deque(maxlen=UNSURE_LIMIT))

    def blocked(
        self, slot: int, target: str, seen: Observation, decision: Decision, at: datetime
    ) -> Attempt | None:
        """Add a blocked decision.

        Return the attempt that begins with it; None if it belongs to a running one. ``target``: what was
        blocked, as from `attempt_target`.
        """
        key = slot, hash(target)
        burst = self._bursts.setdefault(key, _Burst(at))
        self._bursts.move_to_end(key)
        if burst.starts and burst.continues(at):
            burst.last = at
            return None
        rested = not burst.starts or abs(at - burst.last) >= BURST_LIMIT
        goes_on = bool(burst.starts) and abs(at - burst.last) < QUIET and burst.background
        burst.last = at
        burst.starts.append(at)
        if len(self._bursts) > BURSTS_LIMIT:
            self._bursts.popitem(last=False)
        known = is_known_background(target, decision.reason, decision.rule)
        never = goes_on or burst.is_timed or known
        used = self._used.get(slot)
        background = never or used is None or abs(at - used) > NEAR_USE
        attempt = Attempt(slot, seen, decision, at, background, key[1])
        burst.background = background
        while self._openings and abs(at - next(iter(self._openings.values()))[0].at) > OPENING:
            self._openings.popitem(last=False)
        # Time rules block allowed apps too, and each of them then retries in the background, with many names.
        if background and not never and rested and decision.reason not in TEMPORARY_REASONS:
            self._openings[key] = attempt, {hash(seen.host)}
        for found in self._unsure.values():
            while found and at - found[0].at > NEAR_USE:
                found.popleft()
        if background and not never:
            self._unsure[slot].append(attempt)
        return attempt

    def opened(self, slot: int, target: str, seen: Observation, at: datetime) -> Attempt | None:
        """Add the host name of a blocked decision that continues a burst.

        Return the burst's background attempt if the device has queried OPENING_NAMES names within OPENING: a
        person opened an app on an idle device. The attempt then counts as the person's. Else return None.
        """
        key = slot, hash(target)
        if key not in self._openings:
            return None
        attempt, names = self._openings[key]
        names.add(hash(seen.host))
        if abs(at - attempt.at) <= OPENING and len(names) < OPENING_NAMES:
            return None
        del self._openings[key]
        if abs(at - attempt.at) > OPENING or attempt not in self._unsure.get(slot, ()):
            return None
        self._unsure[slot].remove(attempt)
        self._bursts[key].background = False
        return attempt

    def used(self, slot: int, at: datetime) -> tuple[Attempt, ...]:
        """Record that a person uses the device of a slot.

        Return the background attempts of the last NEAR_USE that now count as the person's.
        """
        self._used[slot] = at
        if slot not in self._unsure:
            return ()
        found = tuple(attempt for attempt in self._unsure.pop(slot) if at - attempt.at <= NEAR_USE)
        for attempt in found:
            burst = self._bursts.get((slot, attempt.target))
            if burst is not None:
                burst.background = False
        return found

    def shift(self, size: timedelta) -> None:
        """Add ``size`` to all stored times after the clock jumped by it, so that their ages stay the same.

        `opened` no longer returns the attempts for which it collects host names now.
        """
        for burst in self._bursts.values():
            burst.last += size
            burst.starts = deque((start + size for start in burst.starts), maxlen=STARTS)
        self._used = {slot: at + size for slot, at in self._used.items()}
        self._openings.clear()
        for found in self._unsure.values():
            moved = [replace(attempt, at=attempt.at + size) for attempt in found]
            found.clear()
            found.extend(moved)

    def forget(self, slot: int) -> None:
        """Delete the bursts and attempts of a slot after its activity was erased."""
        for key in [key for key in self._bursts if key[0] == slot]:
            del self._bursts[key]
            self._openings.pop(key, None)
        self._unsure.pop(slot, None)
