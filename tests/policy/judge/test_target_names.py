from __future__ import annotations

import pytest

from gateway.policy.judge.explanation import Names
from gateway.policy.judge.target_names import setting_names, target_name
from gateway.policy.language import ENGLISH
from gateway.policy.profile.bypass_methods import BypassMethod

NAMES = Names(
    services={"youtube": "YouTube"},
    categories={"games": "Games"},
    groups={"random-chat": "Chats with strangers"},
)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("device", "The internet"),
        ("bedtime", "The internet"),
        ("internet", "The internet"),
        ("window:internet", "The internet"),
        ("play", "Play"),
        ("ways:vpn", "VPN"),
        ("strict", "Connections that name no site"),
        ("service:youtube", "YouTube"),
        ("service:newer", "newer"),
        ("window:category:games", "Games"),
        ("category:video_sharing", "video sharing"),
        ("group:random-chat", "Chats with strangers"),
        ("group:video-apps", "video apps"),
        ("www.example.org", "www.example.org"),
    ],
)
def test_name_of_a_target(target: str, name: str) -> None:
    assert target_name(target, NAMES) == name


def test_each_bypass_method_has_a_name() -> None:
    names = setting_names(ENGLISH)
    assert {f"ways:{method}" for method in BypassMethod} == {key for key in names if key.startswith("ways:")}
