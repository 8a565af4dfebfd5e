"""Pictures of what a child sees and does: its page, asking, a shared device, closed ways, first aid."""

from __future__ import annotations

import yaml

from tests.browser.album import Album
from tests.browser.chromium import eventually
from tests.browser.family import PIN, Family
from tests.lab import clients
from tests.lab.console import VPN_SITE
from tests.lab.filtering import module
from tests.lab.internet.odds import WIREGUARD_PORT
from tests.lab.names import GATEWAY_IPV4, NEW, PARENT, TABLET, ipv4_of
from tests.lab.names import PHONE as SON

OWN_RESOLVER = "dns.of-my-own.example"  # on no list: a phone finds its address, and port 853 is refused


def take_knowledge(album: Album) -> None:
    """First aid, what is what, complaints, and what parents read of these."""
    for level in ("little", "middle", "teen"):
        album.take(f"mean-{level}", TABLET.key, f"/mean?level={level}")
    album.take("learn", TABLET.key, "/learn/")
    album.take("learn-kind", TABLET.key, "/learn/category:social_networks")
    album.take("rights", TABLET.key, "/rights")
    for name in ("guide/", "guide/leaflet", "digest/"):
        album.take(name.strip("/").replace("/", "-"), PARENT.key, f"/parent/{name}")


def take_languages(album: Album, refused: str) -> None:
    """Chosen in the menu below a page, and English again."""
    for code in ("kk", "ru", "en"):
        album.tap("/signin", f".languages [lang={code}]")
        if code != "en":
            album.take(f"home-{code}", PARENT.key, "/parent/")
            album.take(f"child-{code}", TABLET.key, "/my")
            album.take(f"refused-{code}", TABLET.key, refused)
            album.take(f"rights-{code}", TABLET.key, "/rights")
            album.take(f"mean-{code}", TABLET.key, "/mean")


def take_asking(family: Family, album: Album) -> None:
    """The child asks for time, her brother for a site."""
    album.take("ask", TABLET.key, "/my/ask")
    album.take("code", TABLET.key, "/my/code")
    album.take("pin-none", TABLET.key, "/my/pin")
    album.unlock()
    album.take("my-time", TABLET.key, "/my/time")
    album.take("my-time-delete", TABLET.key, "/my/time/delete")
    album.take("pin", TABLET.key, "/my/pin", opened=True)
    album.take("my-requests", TABLET.key, "/my/asked")
    album.take("quick-exit", TABLET.key, "/calendar")
    for level, band in (("small", "6-9"), ("teen", "13-15")):
        _as_if(family, band)
        album.take(f"child-{level}", TABLET.key, "/my")
    _as_if(family, "16-17")
    album.take("my-times", TABLET.key, "/my/times/", opened=True)
    _as_if(family, "10-12")
    album.take("my-agreement", TABLET.key, "/my/agreement")
    album.tap("/my/ask", ".fields .primary", TABLET.key)
    eventually(lambda: "Waiting for an answer" in album.text(".asked"))
    family.daemon.client.call(
        "request", device=SON.mac, site="www.instagram.com", reason="For the class chat"
    )
    album.take("child-asked", TABLET.key, "/my")


def _as_if(family: Family, band: str) -> None:
    """The daughter is of another age for a while."""
    file = family.daemon.profiles / "daughter.yaml"
    rules = yaml.safe_load(file.read_text())
    family.daemon.write_profile("daughter", {**rules, "band": band})
    family.daemon.client.call("reload")


def take_ways(family: Family, album: Album) -> None:
    """Cards about closed ways: of one child each is told whole, of her brother that it was."""
    tablet, phone = (family.home.devices[one.key] for one in (TABLET, SON))
    eventually(lambda: family.child()["state"] == "open")
    for device in (tablet, phone):
        clients.udp(device, ipv4_of(VPN_SITE), WIREGUARD_PORT, timeout=clients.SILENCE_S)
        module(device, "privatedns", "strict", OWN_RESOLVER, "--resolver", GATEWAY_IPV4)
    eventually(lambda: family.daemon.client.call("cards")["count"] == 4)
    album.take("home-ways", PARENT.key, "/parent/")
    album.take("child-ways", TABLET.key, "/my")


def take_sharing(family: Family, album: Album) -> None:
    """The new phone is both children's; then the parent's is handed over."""
    family.share(NEW.mac)
    album.take("shared", NEW.key, "/my")
    album.take("use", NEW.key, "/my/use")
    album.take("use-pin", NEW.key, "/my/use/daughter")
    album.take("unlock", NEW.key, "/my/adult/unlock")
    family.daemon.client.call("adult_proof", action="open", device=NEW.mac, length="morning", by="Mum")
    album.take("unlocked", NEW.key, "/")
    album.take("device-unlocked", PARENT.key, f"/parent/device/{NEW.mac}")
    family.daemon.client.call("adult_proof", action="end", device=NEW.mac, by="Mum")
    album.take("screens", TABLET.key, "/my/screens")
    family.daemon.client.call("use", device=NEW.mac, who="daughter", pin=PIN)
    album.take("shared-used", NEW.key, "/my")
    album.take("screens-used", TABLET.key, "/my/screens")
    album.take("lending", PARENT.key, "/parent/sharing/")
    family.daemon.client.call("hand_over", device=PARENT.mac, who="son", by="Mum")
    album.take("handed-over", PARENT.key, "/my")
    family.daemon.client.call("take_back", device=PARENT.mac, by="Mum")
    family.share_nothing()
