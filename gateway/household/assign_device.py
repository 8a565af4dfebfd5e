"""Writes the owner of a device into the rule files."""

from __future__ import annotations

from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.household.editing import Author, Draft, Editing
from gateway.policy.profile import edits
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile


def assign_device(
    editing: Editing,
    household: Household,
    mac: str,
    owner: Profile | None,
    author: Author,
    *,
    instead_of: str | None = None,
) -> None:
    """Put ``mac`` into the file of ``owner`` only, in place of ``instead_of`` if given. None: remove it from
    all files.

    The caller reloads the rules.

    Raises:
        PolicyError: A file cannot be used or written, ``owner`` has no file, or the device is shared. All
        files are unchanged.
    """
    editing.no_shared(frozenset({mac}))
    if owner is not None and owner.built_in:
        raise PolicyError(owner.id, "is built in and has no file", "name a person's profile").coded(
            Code.NO_PROFILE
        )
    draft = Draft({}, {})
    for profile in household.profiles.values():
        devices = [device for device in profile.devices if device != mac]
        if owner is not None and profile.id == owner.id:
            devices = [mac if device == instead_of else device for device in devices]
            devices += [] if mac in devices else [mac]
        if tuple(devices) != profile.devices:
            path = editing.file(profile.id)
            draft.found[path], said = editing.read(path)
            draft.files[path] = edits.profile_text(edits.edited(said, {"devices": devices}, household.bands))
    if draft.files:
        editing.write(draft, {"devices": mac}, author)
