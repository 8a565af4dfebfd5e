"""Builds the packet path, and publishes its observations of running connections on the bus."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.path.live_flows import FlowId, LiveFlow


@dataclass(frozen=True, slots=True)
class FlowForgotten:
    """An undecided connection had to make room before it was completely read."""

    flow: FlowId


@dataclass(frozen=True, slots=True)
class FlowReclassified:
    """A request on a running connection belongs to another class."""

    flow: FlowId
    live: LiveFlow


@dataclass(frozen=True, slots=True)
class UploadStarted:
    """A client sends much data before it gets an answer."""

    flow: FlowId
