"""The source of signed data: `feed:` in qalqan.yaml → FeedSource."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

MAX_MIRRORS = 4
DEFAULT_ROOT = "/etc/qalqan/feed-root.json"
_KEYS = ("url", "mirrors", "root", "provider")
PROVIDER = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)  # a folder of the feed, and a role of its metadata


@dataclass(frozen=True, slots=True)
class FeedSource:
    """The URLs of the signed data feed, the file of its trusted root keys, and the provider's name."""

    url: str
    mirrors: tuple[str, ...] = ()  # tried in this order if `url` fails
    root: str = DEFAULT_ROOT
    provider: str = ""  # of files that this gateway takes; empty: none

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.url, *self.mirrors)


def read_feed(node: Node) -> FeedSource:
    """Return the data feed's settings in a YAML node. Raises PolicyError if they are invalid."""
    part = fields.Fields(fields.mapping(node), _KEYS)
    return FeedSource(
        _url(part.need("url")),
        part.read("mirrors", lambda value: tuple(map(_url, fields.entries(value, MAX_MIRRORS))), ()),
        part.read("root", fields.full_path, DEFAULT_ROOT),
        part.read("provider", _provider, ""),
    )


def _url(node: Node) -> str:
    return fields.https_url(node, "write it like https://feed.example/qalqan")


def _provider(node: Node) -> str:
    name = fields.text(node)
    if PROVIDER.fullmatch(name) is None:
        node.place.refuse(
            f"{shown(name)} is no provider's name", "write it in small letters, such as alma-net"
        )
    return name
