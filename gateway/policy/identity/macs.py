"""MAC addresses in files and on the command line."""

from __future__ import annotations

import re

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, Place, shown

_PAIRS = re.compile(r"[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}", re.ASCII)
_QUADS = re.compile(r"[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}", re.ASCII)


def parse_mac(written: str) -> str | None:
    """Return a MAC address as ``02:00:00:aa:bb:cc``; None if the text is no MAC address.

    Accepts ``02-00-00-AA-BB-CC``, ``02:00:…`` and ``0200.00aa.bbcc``.
    """
    word = written.strip().lower()
    if _PAIRS.fullmatch(word) is None and _QUADS.fullmatch(word) is None:
        return None
    digits = re.sub("[:.-]", "", word)
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def mac(word: str, place: Place) -> str:
    """Return a device's MAC address in normal form, ``02:00:00:aa:bb:cc``.

    Raises PolicyError at ``place`` for other text, and for a multicast or zero address.
    """
    read = parse_mac(word)
    if read is None:
        place.refuse(f"{shown(word)} is not a MAC address", 'write it like "02:00:00:00:00:0a"')
    if int(read[:2], 16) & 1 or read == "00:00:00:00:00:00":
        place.refuse(
            f"{shown(word)} is no device's address", "look the address up in the device's Wi-Fi settings"
        )
    return read


def macs(node: Node) -> tuple[str, ...]:
    """Return the MAC addresses in a YAML list, in normal form.

    Raises PolicyError for invalid ones and duplicates.
    """
    read: dict[str, None] = {}
    for item in fields.items(node):
        address = mac(fields.text(item), item.place)
        if address in read:
            item.place.refuse(f"'{address}' is there twice", "keep it once")
        read[address] = None
    return tuple(read)
