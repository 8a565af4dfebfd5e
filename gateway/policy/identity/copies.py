"""Whether two hosts share one hardware address: by what changes about it that one device does not change.

An address may have several *faces*, the traits that a guardian or time has vouched for: a computer with two
systems, a console with two modes. What is known of any of them is no suspicion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from gateway.policy.identity.traits import Sign, Traits, foreign_ids, kinds_of_ids

AT_ONCE = timedelta(minutes=30)  # an update of the system with its restart; nobody changes phones in it
SUSPECT_AT_ONCE = 3  # one thing that no device changes, or two that a device seldom does
SUSPECT_LATER = 4  # after some hours a device may have been updated and renamed
SETTLED = timedelta(days=1)  # a small change that lasts so long is the device's new face
QUIET = timedelta(days=1)  # when only the known face was there for so long, the suspicion is over
FACES = 4  # of one address

_RELEASE = re.compile(r"\d.*", re.DOTALL)


def suspicion(faces: Iterable[Traits], seen: Traits, apart: timedelta) -> tuple[Sign, ...]:
    """What speaks for another host; () where it is known of some of ``faces``, in any mixture: what they
    show comes one by one. ``apart``: how long nobody answered for the address before.

    An update of the system changes the option list and the release in its vendor class, a new name is one
    sign: neither is enough. How packets begin no device changes, and a kind only as we learn more of it.
    """
    found = _differences(tuple(faces), seen)
    limit = SUSPECT_AT_ONCE if apart <= AT_ONCE else SUSPECT_LATER
    return tuple(sign for sign, _ in found) if _weight(found) >= limit else ()


def nearest(faces: Iterable[Traits], seen: Traits) -> Traits:
    """The one of ``faces``, of which there is one at least, that ``seen`` differs least from."""
    return min(faces, key=lambda one: _weight(_differences((one,), seen)))


def differs(face: Traits, seen: Traits) -> bool:
    """Whether anything that both tell is told otherwise."""
    return bool(_differences((face,), seen))


def strange(faces: Iterable[Traits], before: Traits | None, seen: Traits) -> Traits:
    """All that another host has shown by now: of ``seen`` what is in no face, else what was ``before``."""
    known, last = tuple(faces), before or seen
    return replace(
        seen,
        host_name=last.host_name if seen.host_name in {one.host_name for one in known} else seen.host_name,
        vendor_class=(
            last.vendor_class
            if seen.vendor_class in {one.vendor_class for one in known}
            else seen.vendor_class
        ),
        options=last.options if seen.options in {one.options for one in known} else seen.options,
        kind=last.kind if seen.kind in {one.kind for one in known} else seen.kind,
        hop_limit=last.hop_limit if seen.hop_limit in {one.hop_limit for one in known} else seen.hop_limit,
        interface_ids=seen.interface_ids | last.interface_ids,
    )


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


def _differences(faces: tuple[Traits, ...], seen: Traits) -> list[tuple[Sign, int]]:
    """What ``seen`` tells that no face does, where any face tells it."""
    found: list[tuple[Sign, int]] = []
    hops = {one.hop_limit for one in faces} - {0}
    if seen.hop_limit and hops and seen.hop_limit not in hops:
        found.append((Sign.HOP_LIMIT, 3))
    options = {one.options for one in faces} - {()}
    if seen.options and options and seen.options not in options:
        found.append((Sign.OPTIONS, 2))
    systems = {_family(one.vendor_class) for one in faces} - {""}
    if seen.vendor_class and systems and _family(seen.vendor_class) not in systems:
        found.append((Sign.VENDOR_CLASS, 2))
    names = {one.host_name.casefold() for one in faces} - {""}
    if seen.host_name and names and seen.host_name.casefold() not in names:
        found.append((Sign.HOST_NAME, 1))
    ids = frozenset[bytes]().union(*(one.interface_ids for one in faces))
    if foreign_ids(seen) - ids:
        found.append((Sign.INTERFACE_ID, 2))
    elif ids and kinds_of_ids(seen.interface_ids) - kinds_of_ids(ids):
        found.append((Sign.INTERFACE_ID, 1))
    kinds = {one.kind for one in faces} - {""}
    # By itself another kind is a better guess: a television with Android is a phone until it names services.
    if found and seen.kind and kinds and seen.kind not in kinds:
        found.insert(0, (Sign.KIND, 3))
    return found


def _family(vendor_class: str) -> str:
    """Without the release: android-dhcp-14 → android-dhcp-."""
    return _RELEASE.sub("", vendor_class.casefold())
