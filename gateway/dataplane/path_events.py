"""The packet path, built from its parts. What it finds out about running connections goes over the bus."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.path.live_flows import FlowId, LiveFlow


@dataclass(frozen=True, slots=True)
class FlowForgotten:
    """An undecided connection was half read when it had to make room."""

    flow: FlowId


@dataclass(frozen=True, slots=True)
class FlowReclassified:
    """A request on a running connection put it into another class."""

    flow: FlowId
    live: LiveFlow


@dataclass(frozen=True, slots=True)
class UploadStarted:
    """A client sends much before it is answered."""

    flow: FlowId
