"""From decisions of real judges to cards: one a device, way and day, over restarts, by the log level."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.bypass_alerts import cards as waycards
from gateway.lan.neighbours import Neighbour
from gateway.path.subject import Subject
from gateway.policy.accounts.people import Account
from gateway.policy.alerts.signs import QUIET
from gateway.policy.values import Observation, Proto
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.overheard import Overheard
from tests.features.conftest import Make
from tests.features.decisions import new_decision_log
from tests.features.desk import MUMS, NOON, PHONE, STRANGER, TABLET, Desk
from tests.sentences import sentence

HOST = "dns.adguard.com"
FAR = ip_address("198.51.100.7").packed
DOT = Observation(Proto.TLS, HOST, FAR, 853)
OPPORTUNISTIC = Observation(Proto.TLS, None, FAR, 853)
WIREGUARD = Observation(Proto.WIREGUARD, None, FAR, 51820)
SECOND, QUIETLY = timedelta(seconds=1), timedelta(seconds=QUIET)
ALL = ("wikipedia.org", "khanacademy.org", "example.org")
STRICT = (0, 1, 2, 4, 8, 16, 32)  # seconds between two questions of Android for its resolver


def asks(host: str) -> Observation:
    return Observation(Proto.DNS, host, bytes([192, 168, 1, 1]), 53, qtype=1)


class Wire:
    """What devices send, by the real journal into the desk's store and cards."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.follow()

    def follow(self) -> None:
        """After a restart."""
        desk = self.desk
        self.decision_log = new_decision_log(desk.store, desk.family, desk.clock.now, desk.rules, desk.bus)
        self.decision_log.cards = desk.cards

    def sees(self, *all_seen: Observation, mac: str = TABLET, number: int = 1) -> None:
        desk = self.desk
        member = desk.family.member_of(mac)
        assert member is not None
        subject = Subject(member.slot, member.profile.name, member.decide, lambda _: 1)
        for seen in all_seen * number:
            self.decision_log.decided(subject, seen, member.decide(seen, desk.clock.at), desk.clock.at)

    def strict(self, host: str = HOST, mac: str = TABLET, after: Sequence[int] = STRICT) -> None:
        """A phone whose resolver's name is refused."""
        for pause in after:
            self.desk.go(pause * SECOND)
            self.sees(asks(host), asks(host), mac=mac)

    def uses(self, *hosts: str, mac: str = TABLET) -> None:
        self.sees(*(asks(one) for one in hosts or ALL), mac=mac)


def cards(desk: Desk, **values: object) -> list[dict[str, object]]:
    return list(desk.ask("cards", Role.WEB, **values)["cards"])


def told(desk: Desk, mac: str = TABLET) -> list[dict[str, object]]:
    return cards(desk, device=mac)


def raised(desk: Desk) -> list[str]:
    return [one["way"] for one in desk.heard("card") if one["what"] == "raised"]


@pytest.fixture
def desk(make: Make) -> Desk:
    return make(NOON, daughter={"bedtime": {}, "limits": {}, "log_level": 2})


def test_private_dns_is_one_card_with_its_host_to_the_guardian_and_on_the_device(desk: Desk) -> None:
    wire = Wire(desk)
    wire.sees(DOT, number=20)
    (card,) = cards(desk)
    expected = {
        "device": TABLET, "profile": "daughter", "way": "encrypted_dns", "topic": "private_dns", "host": HOST,
        "resolver": "AdGuard DNS", "proto": "dot", "sure": True, "solved": False, "told": 2,
        "day": "2026-11-24", "at": desk.clock.at,
    }  # fmt: skip
    assert expected.items() <= card.items()
    assert told(desk) == [card]
    assert told(desk, "02:00:00:00:00:1a") == [], "it is of one device"
    assert desk.ask("status")["cards"] == 1
    assert raised(desk) == ["encrypted_dns"]


def test_the_menus_are_those_of_the_device(desk: Desk) -> None:
    inventory = desk.presence.inventory
    inventory.neighbour(Neighbour(TABLET, "192.168.77.10", 3, online=True), event=True)
    wire = Wire(desk)
    wire.sees(DOT)
    assert [one["id"] for one in told(desk)[0]["menus"]] == [  # type: ignore[attr-defined]
        "private-dns-samsung", "private-dns-android", "private-dns-apple",
    ]  # fmt: skip
    said = Dhcp(4, 1, "", vendor_class="android-dhcp-14")
    inventory.heard(TABLET, 3, Overheard(b"", dhcp=said))
    (card,) = told(desk)
    assert [one["id"] for one in card["menus"]] == ["private-dns-android"]  # type: ignore[attr-defined]
    assert str(card["sentence"]).endswith("Settings › Network & internet › Private DNS › Automatic.")


def test_a_phone_whose_resolver_s_name_is_refused_has_a_card_within_half_a_minute(desk: Desk) -> None:
    wire = Wire(desk)
    wire.strict(after=STRICT[:5])
    assert cards(desk) == []
    wire.strict(after=STRICT[5:6])
    (card,) = cards(desk)
    assert (card["topic"], card["host"], card["sure"], card["proto"]) == ("private_dns", HOST, False, "dns")


def test_probes_of_a_phone_do_not_hide_that(desk: Desk) -> None:
    wire = Wire(desk)
    for pause in STRICT:
        wire.strict(after=[pause])
        wire.uses("connectivitycheck.gstatic.com", "www.google.com")
    assert [one["topic"] for one in cards(desk)] == ["private_dns"]


@pytest.mark.parametrize(
    ("seen", "mac"),
    [
        (OPPORTUNISTIC, TABLET),
        (Observation(Proto.TLS, "mask.icloud.com", FAR, 443), TABLET),
        (asks("use-application-dns.net"), TABLET),
        (asks(HOST), TABLET),  # once
        (DOT, STRANGER),  # a guest
        (Observation(Proto.SSH, None, FAR, 22), STRANGER),
    ],
)
def test_what_raises_none(desk: Desk, seen: Observation, mac: str) -> None:
    member = desk.family.member_of(mac)
    assert member is not None
    assert not member.decide(seen, desk.clock.at).allowed, "else there is nothing to tell"
    Wire(desk).sees(seen, mac=mac, number=3)
    assert desk.store.bypass_cards.all() == ()
    assert desk.heard("card") == []
    assert desk.family.member_of(MUMS) is None, "an adult's device is not looked at"


def test_a_vpn_app_that_tries_all_day_is_one_card_and_another_way_another(desk: Desk) -> None:
    wire = Wire(desk)
    for _ in range(40):
        wire.sees(WIREGUARD, Observation(Proto.OPENVPN, None, FAR, 1194))
        desk.go(60 * SECOND)
    wire.sees(Observation(Proto.SSH, None, FAR, 22))
    assert raised(desk) == ["vpn", "ssh"]
    assert {one["topic"] for one in cards(desk)} == {"vpn", "ssh"}
    assert len(desk.store.bypass_cards.all()) == 2


def test_one_a_day_over_restarts_and_the_family_s_day_begins_at_four(desk: Desk) -> None:
    wire = Wire(desk)
    wire.sees(DOT)
    for _ in range(3):
        desk.restart()
        wire.follow()
        wire.sees(DOT)
    assert len(desk.store.bypass_cards.all()) == 1
    desk.go(timedelta(hours=15))  # 03:00
    wire.sees(DOT)
    assert raised(desk) == ["encrypted_dns"]
    desk.go(timedelta(hours=2))
    wire.sees(DOT)
    assert raised(desk) == ["encrypted_dns"] * 2
    assert [one["day"] for one in cards(desk)] == ["2026-11-25"], "the older one is not shown beside it"


def test_a_mended_phone_loses_its_card(desk: Desk) -> None:
    wire = Wire(desk)
    wire.sees(DOT)
    desk.go(QUIETLY / 2)
    wire.uses()
    assert len(told(desk)) == 1, "too soon"
    desk.go(QUIETLY)
    wire.uses()
    assert cards(desk) == told(desk) == []
    assert [one["what"] for one in desk.heard("card")] == ["raised", "solved"]
    wire.sees(DOT)
    assert len(cards(desk)) == len(told(desk)) == 1, "it is so again"
    assert raised(desk) == ["encrypted_dns"], "and nobody is told twice a day"


def test_one_that_was_mended_over_a_restart(desk: Desk) -> None:
    wire = Wire(desk)
    wire.sees(DOT)
    desk.restart()
    wire.follow()
    wire.uses(HOST, *ALL)
    assert len(told(desk)) == 1, "too soon"
    desk.go(QUIETLY)
    wire.uses(*ALL)
    assert told(desk) == []


def test_a_broken_phone_keeps_its_card_all_day(desk: Desk) -> None:
    wire = Wire(desk)
    wire.strict()
    for _ in range(40):  # the longest pause of Android, and what it probes
        desk.go(timedelta(minutes=10))
        wire.sees(asks(HOST))
        wire.uses("connectivitycheck.gstatic.com", "www.google.com", "play.googleapis.com")
    assert len(told(desk)) == 1


def test_a_vpn_that_is_off_again_is_told_to_the_guardian_for_the_day(desk: Desk) -> None:
    wire = Wire(desk)
    wire.sees(WIREGUARD)
    desk.go(QUIETLY)
    wire.uses()
    desk.go(QUIETLY)
    wire.uses()
    assert told(desk) == []
    assert [one["solved"] for one in cards(desk)] == [True]
    desk.go(timedelta(days=1))
    assert cards(desk) == []


def test_put_away_by_a_guardian_alone_with_its_undo(desk: Desk) -> None:
    desk.store.people.put(Account("Mum", secret="stamp"))
    wire = Wire(desk)
    wire.sees(DOT)
    card = {"device": TABLET, "way": "encrypted_dns"}
    with pytest.raises(ControlError, match=sentence(Code.NO_GUARDIAN)):
        desk.ask("dismiss", Role.WEB, **card, by="Nobody")
    desk.ask("dismiss", Role.WEB, **card, by="Mum")
    assert cards(desk) == []
    assert len(told(desk)) == 1, "the device itself goes by what is so"
    wire.sees(DOT)
    desk.restart()
    wire.follow()
    wire.sees(DOT)
    assert cards(desk) == []
    desk.ask("dismiss", Role.WEB, **card, by="Mum", back=True)
    assert len(cards(desk)) == 1
    for wrong in ({"way": "vpn"}, {"device": PHONE}, {"device": "x"}):
        with pytest.raises(ControlError, match=sentence(Code.NO_CARD)):
            desk.ask("dismiss", Role.WEB, **{**card, **wrong}, by="Mum")


@pytest.mark.parametrize("level", [0, 1])
def test_what_the_log_level_keeps_from_parents_the_device_is_told(make: Make, level: int) -> None:
    desk = make(NOON, daughter={"bedtime": {}, "limits": {}, "log_level": level})
    Wire(desk).sees(DOT)
    (own,) = told(desk)
    assert (own["host"], own["told"]) == (HOST, level)
    found = cards(desk)
    assert [one["topic"] for one in found] == ["private_dns"] * level
    assert [(one["host"], one["resolver"], one["proto"], one["at"]) for one in found] == [(None,) * 4] * level
    assert len(desk.heard("card")) == level
    assert HOST not in str(desk.heard("card"))
    assert desk.ask("status")["cards"] == level
    desk.restart()
    assert [one["host"] for one in told(desk)] == [None] * level, "the disk has what a parent may see"


def test_an_open_way_has_none(make: Make) -> None:
    ways = {"encrypted_dns": "allow", "vpn": "allow"}
    desk = make(NOON, daughter={"bedtime": {}, "limits": {}, "ways": ways})
    wire = Wire(desk)
    wire.sees(DOT, WIREGUARD)
    wire.strict()
    assert desk.store.bypass_cards.all() == ()


def test_what_was_raised_while_nobody_knew_the_day_is_of_the_right_one(make: Make) -> None:
    desk = make(NOON, daughter={"bedtime": {}, "limits": {}, "log_level": 2, "clock_unset": "open"})
    desk.jump(known=False)
    wire = Wire(desk)
    wire.sees(DOT)
    desk.jump(timedelta(days=3), known=True)
    wire.sees(DOT)
    assert [card.day.isoformat() for card in desk.store.bypass_cards.all()] == ["2026-11-27"]
    assert raised(desk) == ["encrypted_dns"]


def test_one_of_today_outlives_one_that_was_raised_while_nobody_knew_the_day(make: Make) -> None:
    desk = make(NOON, daughter={"bedtime": {}, "limits": {}, "log_level": 2, "clock_unset": "open"})
    desk.store.people.put(Account("Mum", secret="stamp"))
    wire = Wire(desk)
    wire.sees(DOT)
    desk.ask("dismiss", device=TABLET, way="encrypted_dns")
    desk.restart()
    wire.follow()
    desk.jump(timedelta(days=-3), known=False)
    wire.sees(DOT)
    desk.jump(timedelta(days=3), known=True)
    wire.sees(DOT)
    assert [card.day.isoformat() for card in desk.store.bypass_cards.all()] == ["2026-11-24"]
    assert cards(desk) == [], "it was put away"


def test_a_device_that_is_forgotten_or_another_s_has_no_card_left(desk: Desk) -> None:
    wire = Wire(desk)
    wire.sees(DOT)
    desk.ask("assign", mac=TABLET, profile="son")
    assert told(desk) == [], "another person is not told of it"
    desk.ask("forget", mac=TABLET)
    assert desk.store.bypass_cards.all() == ()


def test_no_card_tells_of_another_s_device(desk: Desk) -> None:
    Wire(desk).sees(DOT)
    for mac in (STRANGER, MUMS, "x"):
        with pytest.raises(ControlError, match=sentence(Code.NO_DEVICE_OF_A_CHILD)):
            told(desk, mac)


def test_devices_of_which_nothing_was_refused_are_not_looked_at(desk: Desk) -> None:
    wire = Wire(desk)
    wire.uses()
    assert not any(desk.cards.watches(slot) for slot in desk.family.members)
    wire.sees(asks(HOST))
    watched = [slot for slot, one in desk.family.members.items() if desk.cards.watches(slot)]
    assert [desk.family.members[slot].macs for slot in watched] == [(TABLET,)]


def test_no_more_devices_are_followed_than_there_is_room_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert waycards.MAX_DEVICES >= 64
    monkeypatch.setattr(waycards, "MAX_DEVICES", 1)
    wire = Wire(desk)
    for mac in (TABLET, PHONE):
        wire.sees(asks(HOST), mac=mac)
    watched = [slot for slot in desk.family.members if desk.cards.watches(slot)]
    assert [desk.family.members[slot].macs for slot in watched] == [(PHONE,)], (
        "the longest quiet one gives way"
    )
