"""Write whose a device is into the family's files."""

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
    """Put ``mac`` into the file of ``owner`` alone, there in the place of ``instead_of`` if it is told; None:
    take it out of every file. Whoever calls has the daemon read the rules again.

    Raises PolicyError, with all files as they were, where one of them cannot be used, ``owner`` has none, or
    the device is shared; and where one cannot be written.
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
