"""Checks the names in `qalqan.yaml`: each profile exists, and no device has two places."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.policy.config.config import QUARANTINE
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.household import Household
from gateway.policy.yaml.documents import locate

Steps = tuple[Callable[[str], bool] | int, ...]
"""The path to a place in a file, as for `locate`."""


def check_names(
    household: Household, file: str, source: bytes, excuse: Callable[[str], bool]
) -> dict[str, PolicyError]:
    """Check that each named profile exists, at least as a broken file, and that no device has two places.

    Returns the excused names with their problems.
    """
    broken = {Path(name).stem.casefold() for name in household.problems}
    absent: dict[str, PolicyError] = {}
    settings = household.config

    def look_for(who: str, path: Steps, fix: str, meanwhile: str) -> None:
        key = who.casefold()
        if household.find(who) is not None or key in broken or key in absent:
            return
        place, problem = locate(source, file, *path), f"there is no profile '{who}'"
        if not excuse(key):
            place.refuse(problem, fix)
        absent[key] = place.error(f"{problem}, so {meanwhile}", "put its file back, or take the name out")

    for mac, people in settings.shared.items():
        device = ("shared".__eq__, partial(_is_mac, mac))
        has = household.owner_of(mac)
        meanwhile = f"the device has the rules of {'guest' if has is None else has.id}"
        for number, who in enumerate(people):
            look_for(who, (*device, "people".__eq__, number), "name a profile's id", meanwhile)
        owner = next((profile for profile in household.profiles.values() if mac in profile.devices), None)
        if owner is not None:
            problem = f"the device is shared, and in the profile '{owner.id}' too"
            locate(source, file, *device).refuse(problem, "take it out of one of the two")
    places: list[tuple[str, tuple[str, ...]]] = [(settings.unknown_devices, ("unknown_devices",))]
    places += [(who, ("interfaces", name)) for name, who in settings.interfaces.items()]
    for who, path in places:
        if who != QUARANTINE:
            fix = "use guest, quarantine, home or a profile's id"
            steps = tuple(key.__eq__ for key in path)
            look_for(who, steps, fix, "new devices have the rules of guest")
    return absent


def _is_mac(mac: str, written: str) -> bool:
    return parse_mac(written) == mac
