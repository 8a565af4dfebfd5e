"""`propose` in `qalqan.yaml`: what a provider lets set-up propose.

It applies only after a guardian accepts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

MAX_ITEMS = 16  # per key; a longer proposal helps no family

_LIST = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proposal:
    lists: tuple[str, ...] = ()  # ids of published lists, or categories, for the lists of that category
    bands: tuple[str, ...] = ()  # of the children that the form starts with


def read_proposal(node: Node) -> Proposal:
    part = fields.Fields(fields.mapping(node), ("lists", "bands"))
    return Proposal(part.read("lists", proposed_lists, ()), part.read("bands", proposed_bands, ()))


def proposed_lists(node: Node) -> tuple[str, ...]:
    """Return the ids of lists. Set-up checks whether they exist, which depends on the product's version."""
    return tuple(map(_list, fields.entries(node, MAX_ITEMS)))


def proposed_bands(node: Node) -> tuple[str, ...]:
    from gateway.age.bands import Band  # most households have no proposal

    known = [band.value for band in Band if band.is_child]
    return tuple(fields.choice(entry, known) for entry in fields.entries(node, MAX_ITEMS))


def _list(node: Node) -> str:
    word = fields.text(node)
    if _LIST.fullmatch(word) is None:
        node.place.refuse(f"{shown(word)} is no list", "write its id, such as oisd-nsfw, or a kind: adult")
    return word
