"""`propose` in `qalqan.yaml`: what a provider would have set-up propose. Nothing of it holds until a guardian
says yes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, shown

MOST = 16  # of each: who proposes all proposes nothing

_LIST = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proposal:
    lists: tuple[str, ...] = ()  # ids of published lists, or kinds of sites, for the lists of that kind
    bands: tuple[str, ...] = ()  # of the children that a form begins with


def read_proposal(node: Node) -> Proposal:
    part = fields.Fields(fields.mapping(node), ("lists", "bands"))
    return Proposal(part.read("lists", proposed_lists, ()), part.read("bands", proposed_bands, ()))


def proposed_lists(node: Node) -> tuple[str, ...]:
    """Whether there is such a list, set-up says: another version of the product has others."""
    return tuple(map(_list, fields.entries(node, MOST)))


def proposed_bands(node: Node) -> tuple[str, ...]:
    from gateway.age.bands import Band  # most homes propose nothing

    known = [one.value for one in Band if one.is_child]
    return tuple(fields.choice(one, known) for one in fields.entries(node, MOST))


def _list(node: Node) -> str:
    word = fields.text(node)
    if _LIST.fullmatch(word) is None:
        node.place.refuse(f"{shown(word)} is no list", "write its id, such as oisd-nsfw, or a kind: adult")
    return word
