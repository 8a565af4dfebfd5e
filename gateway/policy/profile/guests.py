"""The built-in profile `guest`, for devices without an owner."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.age.bands import Band, youngest
from gateway.policy.profile.bands import Bands, owner_of
from gateway.policy.profile.bypass_methods import Switch, Way
from gateway.policy.profile.profile import GUEST, Profile
from gateway.policy.profile.rule_file import NO_RULES
from gateway.policy.profile.rules import FAMILY, Action, Bedtime, Mode, Owned, Rules
from gateway.policy.time.time_text import DAY_MINUTES, ByDay, Span

DEFAULT_BAND = Band.AGE_10_12  # for a family without a child in a block-list band


def guest_band(profiles: Iterable[Profile], bands: Bands) -> Band:
    """Return the family's youngest block-list band: a band that allows sites on no list."""
    fit = [profile.band for profile in profiles if profile.is_child and bands[profile.band].for_guests]
    return youngest(fit) if fit else DEFAULT_BAND


def guest_profile(profiles: Iterable[Profile], bands: Bands) -> Profile:
    """Return the guest profile: block-list mode with a band's categories, and log level 0.

    It is closed from the earliest bedtime of ``profiles`` to their latest morning. The family's own entries
    are about its children and do not apply to guests.
    """
    family = tuple(profiles)
    band = guest_band(family, bands)
    base = bands[band].rules
    owner = owner_of(band)
    rules = Rules(
        mode=Owned(Mode.BLOCK_LIST, owner),
        unknown=Owned(Action.ALLOW, owner),
        # A guest has no daily time to use.
        categories={key: _uncounted(rule) for key, rule in base.categories.items()},
        # Guests use their company's VPN for work.
        ways={**base.ways, Way.VPN: Owned(Switch.ALLOW, owner)},
        allow=base.allow,
        block=base.block,
        homework=(),
        safe_search=base.safe_search,
        bedtime=union_of_bedtimes(person.rules.bedtime for person in family if person.is_child),
        limits={},
        windows={},
        dates={},
        calendars=(),
        landing=NO_RULES.landing,
        linger=NO_RULES.linger,
        auto_approve=NO_RULES.auto_approve,
        updates=base.updates,
        laws=(),
        portal=frozenset(),
        strict=Owned(False, owner),
        log_level=0,
        failure=base.failure,
        clock_unset=base.clock_unset,
    )
    return Profile(GUEST, "Guest", band, (), rules, built_in=True)


def _uncounted(rule: Owned[Action]) -> Owned[Action]:
    return Owned(Action.ALLOW, rule.owner) if rule.value is Action.COUNT else rule


def union_of_bedtimes(bedtimes: Iterable[Bedtime]) -> Bedtime:
    """Return for each morning the range from the earliest start to the latest end."""
    by_slot = zip(*(bedtime.values for bedtime in bedtimes), strict=True)
    values = tuple(_union([bedtime.value for bedtime in slot if bedtime is not None]) for slot in by_slot)
    return ByDay(values or (None,) * 14)


def _union(spans: list[Span]) -> Owned[Span] | None:
    # A bedtime that starts after noon and ends the same day reaches no morning: it is ignored if there are
    # nights.
    nights = [span for span in spans if span.is_night] or spans
    if not nights:
        return None
    # In minutes from the midnight before the morning, so that 20:45 sorts before 00:30.
    start = min(span.start - DAY_MINUTES if span.crosses_midnight else span.start for span in nights)
    end = min(max(span.end for span in nights), start + DAY_MINUTES - 1)
    return Owned(Span(start % DAY_MINUTES, end), FAMILY)
