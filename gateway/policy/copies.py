"""Whether two hosts share one hardware address: by what changes about it that one device does not change.

An address may have several *faces*, the traits that a guardian or time has vouched for: a computer with two
systems, a console with two modes. What is like any of them is no suspicion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from gateway.policy.identity import Sign, Traits, foreign_ids, kinds_of_ids

AT_ONCE = timedelta(minutes=30)  # an update of the system with its restart; nobody changes phones in it
SUSPECT_AT_ONCE = 3  # one thing that no device changes, or two that a device seldom does
SUSPECT_LATER = 4  # after some hours a device may have been updated and renamed
SETTLED = timedelta(days=1)  # a small change that lasts so long is the device's new face
QUIET = timedelta(days=1)  # when only the known face was there for so long, the suspicion is over
FACES = 4  # of one address

_RELEASE = re.compile(r"\d.*", re.DOTALL)


def suspicion(faces: Iterable[Traits], seen: Traits, apart: timedelta) -> tuple[Sign, ...]:
    """What speaks for another host; () where it is like one of ``faces``. ``apart``: how long nobody answered
    for the address before.

    An update of the system changes the option list and the release in its vendor class, a new name is one
    sign: neither is enough. A kind, or how packets begin, no device changes.
    """
    least = min((_differences(one, seen) for one in faces), key=_weight, default=[])
    limit = SUSPECT_AT_ONCE if apart <= AT_ONCE else SUSPECT_LATER
    return tuple(sign for sign, _ in least) if _weight(least) >= limit else ()


def nearest(faces: Iterable[Traits], seen: Traits) -> Traits:
    """The one of ``faces``, of which there is one at least, that ``seen`` differs least from."""
    return min(faces, key=lambda one: _weight(_differences(one, seen)))


def differs(face: Traits, seen: Traits) -> bool:
    """Whether anything that both tell is told otherwise."""
    return bool(_differences(face, seen))


def completed(face: Traits, seen: Traits) -> Traits:
    """``face``, with what was not known of it before."""
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
    """A guardian vouches for ``new`` too; the oldest gives way."""
    return (*(one for one in faces if one != new), new)[-FACES:]


def _weight(found: Iterable[tuple[Sign, int]]) -> int:
    return sum(weight for _, weight in found)


def _differences(face: Traits, seen: Traits) -> list[tuple[Sign, int]]:
    found = []
    if face.kind and seen.kind and face.kind != seen.kind:
        found.append((Sign.KIND, 3))
    if face.hop_limit and seen.hop_limit and face.hop_limit != seen.hop_limit:
        found.append((Sign.HOP_LIMIT, 3))
    if face.options and seen.options and face.options != seen.options:
        found.append((Sign.OPTIONS, 2))
    if face.vendor_class and seen.vendor_class and _family(face.vendor_class) != _family(seen.vendor_class):
        found.append((Sign.VENDOR_CLASS, 2))
    if face.host_name and seen.host_name and face.host_name.casefold() != seen.host_name.casefold():
        found.append((Sign.HOST_NAME, 1))
    if foreign_ids(seen) - foreign_ids(face):
        found.append((Sign.INTERFACE_ID, 2))
    elif face.interface_ids and kinds_of_ids(seen.interface_ids) - kinds_of_ids(face.interface_ids):
        found.append((Sign.INTERFACE_ID, 1))
    return found


def _family(vendor_class: str) -> str:
    """Without the release: android-dhcp-14 → android-dhcp-."""
    return _RELEASE.sub("", vendor_class.casefold())
