"""The settings of the USP Service, which `qalqan usp` reads from qalqan.yaml and UCI."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UspSettings:
    """Settings of the USP Service: two sockets, the vendor in the data model, and values that it shows."""

    control: str  # the daemon's socket
    agent: str  # the USP agent's socket
    vendor: str  # a domain or an OUI
    brand_name: str = ""
    brand_support: str = ""
    feed_url: str = ""
