"""Cards about closed ways, as the daemon tells them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.webui.standin.household import LAPTOP, NOW, PHONE, TABLET

ANDROID = {
    "id": "private-dns-android", "name": {"en": "Android"}, "since": "9",
    "steps": {
        "en": ["Settings", "Network & internet", "Private DNS", "Automatic"],
        "ru": ["Настройки", "Сеть и интернет", "Персональный DNS-сервер", "Автоматически"],
    },
}  # fmt: skip
APPLE = {
    "id": "private-dns-apple", "name": {"en": "iPhone, iPad"}, "since": "15",
    "steps": {"en": ["Settings", "General", "VPN & Device Management", "DNS", "Automatic"]},
}  # fmt: skip
VPN = {"id": "vpn-android", "name": {"en": "Android"}, "since": None,
       "steps": {"en": ["Settings", "Network & internet", "VPN"]}}  # fmt: skip


def a_card(topic: str = "private_dns", **values: Any) -> dict[str, Any]:
    return {
        "device": TABLET, "name": "Galaxy-A54", "kind": "phone", "profile": "daughter",
        "profile_name": "Aruzhan", "way": "encrypted_dns", "topic": topic, "day": NOW.date().isoformat(),
        "at": NOW - timedelta(minutes=7), "host": "dns.adguard.com", "resolver": "AdGuard DNS",
        "proto": "dot", "sure": True, "solved": False, "told": 2, "menus": [ANDROID], "sentence": "",
        "dismissed": False, **values,
    }  # fmt: skip


def each_way() -> list[dict[str, Any]]:
    bare: dict[str, Any] = {"host": None, "resolver": None, "menus": []}
    return [
        a_card(),
        a_card("vpn", way="vpn", proto="wireguard", **{**bare, "menus": [VPN]}),
        a_card("app_dns", device=PHONE, name="", proto="dns", sure=False, menus=[]),
        a_card("private_dns", device=LAPTOP, name="Laptop", kind="", sure=False, menus=[ANDROID, APPLE]),
        a_card("tor", device=PHONE, way="tor", proto="tls", solved=True, **bare),
        a_card("proxy", device=PHONE, way="proxy", proto="socks", **bare),
        a_card("ssh", device=PHONE, way="ssh", proto="ssh", **bare),
    ]
