"""Detects that two hosts use one MAC address, by changes in traits that a single device does not make.

An address may have several *faces*: sets of traits that a guardian or time has confirmed, such as a computer
with two operating systems or a console with two modes. The traits of any face raise no suspicion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from gateway.policy.identity.traits import Sign, Traits, foreign_ids, id_origins

# Long enough for a system update with its restart; too short to replace a phone.
SHORT_ABSENCE = timedelta(minutes=30)
SUSPECT_AFTER_SHORT_ABSENCE = 3  # one change that no device makes, or two that are rare
SUSPECT_AFTER_LONG_ABSENCE = 4  # after some hours a device may have been updated and renamed
SETTLED = timedelta(days=1)  # a small change that lasts this long becomes the device's new face
QUIET = timedelta(days=1)  # with only the known face for this long, the suspicion ends
MAX_FACES = 4  # per address

_RELEASE = re.compile(r"\d.*", re.DOTALL)


def suspicion(faces: Iterable[Traits], seen: Traits, apart: timedelta) -> tuple[Sign, ...]:
    """Return the signs that another host uses the MAC address; () if ``seen`` differs too little for that.

    A face is a confirmed set of traits of the address. A host shows its traits one by one, hence any mixture
    of the faces' traits is accepted. ``apart``: how long the address was silent before.

    A system update changes the option list and the release in the vendor class; a new name is one sign.
    Neither is enough. No device changes its initial hop limit. A device's kind changes only as more becomes
    known.
    """
    found = _differences(tuple(faces), seen)
    limit = SUSPECT_AFTER_SHORT_ABSENCE if apart <= SHORT_ABSENCE else SUSPECT_AFTER_LONG_ABSENCE
    return tuple(sign for sign, _ in found) if _weight(found) >= limit else ()


def nearest(faces: Iterable[Traits], seen: Traits) -> Traits:
    """Return the face (a confirmed set of traits) that differs least from ``seen``.

    Raises ValueError if ``faces`` is empty.
    """
    return min(faces, key=lambda face: _weight(_differences((face,), seen)))


def differs(face: Traits, seen: Traits) -> bool:
    """Return True if a trait that is known in both sets of traits differs, as far as `suspicion` counts it.

    Another release in the vendor class, or only another kind, is no difference. An interface id that was made
    from another MAC address is one, unless the face has it too.
    """
    return bool(_differences((face,), seen))


def merge_foreign_traits(faces: Iterable[Traits], before: Traits | None, seen: Traits) -> Traits:
    """Return the traits of another host that is suspected to use the same MAC address.

    Each is taken from ``seen`` if no face (confirmed set of traits) has it, else from ``before``, the other
    host's traits until now (None: not known yet). The interface ids of both are joined.
    """
    known, last = tuple(faces), before or seen
    return replace(
        seen,
        host_name=last.host_name if seen.host_name in {face.host_name for face in known} else seen.host_name,
        vendor_class=(
            last.vendor_class
            if seen.vendor_class in {face.vendor_class for face in known}
            else seen.vendor_class
        ),
        options=last.options if seen.options in {face.options for face in known} else seen.options,
        kind=last.kind if seen.kind in {face.kind for face in known} else seen.kind,
        hop_limit=last.hop_limit if seen.hop_limit in {face.hop_limit for face in known} else seen.hop_limit,
        interface_ids=seen.interface_ids | last.interface_ids,
    )


def completed(face: Traits, seen: Traits) -> Traits:
    """Return a copy of ``face`` in which unknown traits are filled in from ``seen``."""
    return replace(
        face,
        host_name=face.host_name or seen.host_name,
        vendor_class=face.vendor_class or seen.vendor_class,
        options=face.options or seen.options,
        vendor=face.vendor or seen.vendor,
        kind=face.kind or seen.kind,
        hop_limit=face.hop_limit or seen.hop_limit,
        interface_ids=face.interface_ids or seen.interface_ids,
    )


def with_face(faces: Iterable[Traits], new: Traits) -> tuple[Traits, ...]:
    """Return the faces of an address with ``new``, which a guardian confirmed, as the last one.

    Beyond MAX_FACES the oldest are dropped.
    """
    return (*(face for face in faces if face != new), new)[-MAX_FACES:]


def _weight(found: Iterable[tuple[Sign, int]]) -> int:
    return sum(weight for _, weight in found)


def _differences(faces: tuple[Traits, ...], seen: Traits) -> list[tuple[Sign, int]]:
    """Return which traits of ``seen`` differ from those of all faces, each with its weight.

    A face is a confirmed set of traits. A trait that no face has yet is no difference, except an interface id
    that was made from another MAC address. A higher weight: the more likely another host uses the address.
    """
    found: list[tuple[Sign, int]] = []
    hops = {face.hop_limit for face in faces} - {0}
    if seen.hop_limit and hops and seen.hop_limit not in hops:
        found.append((Sign.HOP_LIMIT, 3))
    options = {face.options for face in faces} - {()}
    if seen.options and options and seen.options not in options:
        found.append((Sign.OPTIONS, 2))
    systems = {_family(face.vendor_class) for face in faces} - {""}
    if seen.vendor_class and systems and _family(seen.vendor_class) not in systems:
        found.append((Sign.VENDOR_CLASS, 2))
    names = {face.host_name.casefold() for face in faces} - {""}
    if seen.host_name and names and seen.host_name.casefold() not in names:
        found.append((Sign.HOST_NAME, 1))
    ids = frozenset[bytes]().union(*(face.interface_ids for face in faces))
    if foreign_ids(seen) - ids:
        found.append((Sign.INTERFACE_ID, 2))
    elif ids and id_origins(seen.interface_ids) - id_origins(ids):
        found.append((Sign.INTERFACE_ID, 1))
    kinds = {face.kind for face in faces} - {""}
    # Alone, another kind is a better guess: an Android television is a phone until it names its services.
    if found and seen.kind and kinds and seen.kind not in kinds:
        found.insert(0, (Sign.KIND, 3))
    return found


def _family(vendor_class: str) -> str:
    """Return the vendor class without the release: android-dhcp-14 → android-dhcp-."""
    return _RELEASE.sub("", vendor_class.casefold())
