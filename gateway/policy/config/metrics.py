"""Counters for monitoring: `metrics:` in qalqan.yaml → MetricsSettings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

_KEYS = ("token_sha256", "textfile")
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The settings of the monitoring counters: the provider's token, and whether a file is written."""

    token_sha256: str = ""  # SHA-256 of the provider's token, in hexadecimal; empty: there is none
    textfile: bool = False  # write them to the runtime directory, for a node exporter


def read_metrics(node: Node) -> MetricsSettings:
    """Return the settings of the monitoring counters in a YAML node. Raises PolicyError if invalid."""
    part = fields.Fields(fields.mapping(node), _KEYS)
    return MetricsSettings(
        part.read("token_sha256", _token_sha256, ""), part.read("textfile", fields.flag, False)
    )


def _token_sha256(node: Node) -> str:
    text = fields.text(node).lower()
    if _SHA256.fullmatch(text) is None:
        node.place.refuse(f"{shown(text)} is no SHA-256", "make it with: printf %s TOKEN | sha256sum")
    return text
