"""Answers to `status` and `device`, with the values that a test does not give."""

from __future__ import annotations

from typing import Any

from gateway.control.contract.profile import PROFILE
from gateway.control.contract.status import DEVICE, STATUS
from gateway.control.schema import Json, to_json
from tests.figures import CHILD, HOME
from webui.features.status.home_text import Here, HomeView
from webui.features.status.own_rules_text import OwnRules


def home(*children: Json, **values: object) -> HomeView:
    profiles = [CHILD | child for child in children]
    return HomeView(STATUS.decode_response(_sent({**HOME, "profiles": profiles, **values})))


def here(**values: object) -> Here:
    return Here(DEVICE.decode_response(_sent(values)))


def rules(**values: object) -> OwnRules:
    return OwnRules(PROFILE.decode_response(_sent({"profile": values})))


def _sent(values: Json) -> dict[str, Any]:
    """Return values as they come over the socket."""
    sent = to_json(values)
    assert isinstance(sent, dict)
    return sent
