"""A device that an adult's proof opened, over the control socket: which, by what, how long, and its end."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.control.protocol import Role
from gateway.core.reason_codes import Code
from gateway.policy.accounts.adult_proof import LONGEST_BY_WALLET
from gateway.policy.accounts.people import METHOD, Account, PersonRole
from gateway.policy.identity.questions import Ask, IdentityQuestion
from tests.features.conftest import ALMATY, Make
from tests.features.desk import MUMS, NOON, PHONE, STRANGER, TABLET, Desk
from tests.features.sharing.shared_devices import OURS, SHARED, SONS_PIN, TV, refused, use, whose

DIGEST = "5e" * 64
SECRET = f"{METHOD}$Salt{'0' * 12}${DIGEST}"
HOUR = timedelta(hours=1)


def desk_where(make: Make, strangers: str) -> Desk:
    made: Desk = make(
        NOON,
        son={"categories": {"social_networks": "allow"}},
        shared=SHARED,
        unknown_devices=strangers,
    )
    made.store.people.put(Account("Mum", secret=SECRET, came=True))
    made.store.people.put(Account("Oma", PersonRole.HELPER, SECRET, 30, came=True))
    made.ask("pin", Role.WEB, who="son", action="set", pin=SONS_PIN, by="Mum")
    made.events.clear()
    return made


@pytest.fixture
def desk(make: Make) -> Desk:
    return desk_where(make, "guest")


def by_password(desk: Desk, mac: str = STRANGER, length: str = "1h", **values: object) -> dict[str, object]:
    given = {"method": "password", "name": "Mum", "digest": DIGEST, "length": length, **values}
    return desk.ask("adult_proof", Role.WEB, action="open", device=mac, origin="192.168.1.99", **given)


def by_wallet(desk: Desk, mac: str = STRANGER, length: str = "1h") -> dict[str, object]:
    given = {"method": "wallet", "length": length, "origin": "192.168.1.99"}
    return desk.ask("adult_proof", Role.WEB, action="open", device=mac, **given)


def no(desk: Desk, mac: str, **values: object) -> str:
    return refused(desk, "adult_proof", **{"action": "open", "device": mac, "length": "1h"} | values)


def lines(desk: Desk) -> list[tuple[str, str, str]]:
    kinds = ("adult password", "adult wallet", "adult guardian", "adult end")
    return [(line.who, line.what, line.detail) for line in desk.store.audit.lines() if line.what in kinds]


# ---------------------------------------------------------------------------------- what opens


@pytest.mark.parametrize("strangers", ["guest", "quarantine"])
def test_a_guardian_s_password_opens_the_device_on_which_it_is_typed_for_as_long_as_was_said(
    make: Make, strangers: str
) -> None:
    desk = desk_where(make, strangers)
    before = desk.ask("device", mac=STRANGER)
    assert before["opens"]
    told = by_password(desk)
    until = desk.local_now() + HOUR
    assert told == {"device": STRANGER, "method": "password", "by": "Mum", "until": until}
    assert desk.family.member_of(STRANGER) is None, "nothing of it is filtered, and so nothing is logged"
    assert desk.family.slot_of(STRANGER) == 0
    here = desk.ask("device", mac=STRANGER)
    assert (here["profile"], here["adult_proof"]["by"]) == ("adult", "Mum")
    assert desk.family.member_of("02:00:00:00:00:98") is not None, "another stranger is what it was"
    (heard,) = desk.heard("adult_proof")
    assert heard == {
        "event": "adult_proof", "device": STRANGER, "name": STRANGER, "what": "opened", "method": "password",
        "by": "Mum", "until": until,
    }  # fmt: skip
    desk.go(HOUR - timedelta(seconds=1))
    assert desk.family.member_of(STRANGER) is None
    desk.go(timedelta(seconds=1))
    after = desk.ask("device", mac=STRANGER)
    assert (after["profile"], after["opens"]) == (before["profile"], True)
    assert [one["what"] for one in desk.heard("adult_proof")] == ["opened", "over"]


def test_a_wallet_opens_it_and_no_name_is_known(desk: Desk) -> None:
    told = by_wallet(desk, length="4h")
    assert (told["method"], told["by"]) == ("wallet", None)
    assert told["until"] == desk.local_now() + timedelta(hours=4)
    assert desk.family.member_of(STRANGER) is None
    ((who, what, detail),) = lines(desk)
    assert (who, what) == ("qalqan", "adult wallet")
    assert detail == f"{STRANGER} until 2026-11-24T16:00+05:00"
    desk.ask("adult_proof", Role.WEB, action="end", device=STRANGER, origin="192.168.1.99")
    assert [line.origin for line in desk.store.audit.lines()][:2] == ["", ""], "nor an address"
    by_password(desk)
    assert desk.store.audit.lines()[0].origin == "192.168.1.99", "a password's is kept"


def test_a_guardian_opens_it_from_another_device(desk: Desk) -> None:
    desk.ask("adult_proof", Role.WEB, action="open", device=TV, length="4h", by="Mum")
    assert desk.family.member_of(TV) is None
    assert [line[:2] for line in lines(desk)] == [("Mum", "adult guardian")]
    assert (
        refused(desk, "adult_proof", action="open", device=TV, length="1h", by="Oma") == Code.GUARDIANS_ONLY
    )


def test_until_tomorrow_at_six(desk: Desk) -> None:
    assert by_password(desk, length="morning")["until"] == datetime(2026, 11, 25, 6, tzinfo=ALMATY)


def test_a_wallet_s_proof_is_never_longer_than_a_day(make: Make) -> None:
    desk = make("2026-11-24T00:10")
    told = by_wallet(desk, length="morning")
    assert told["until"] == desk.local_now() + LONGEST_BY_WALLET


@pytest.mark.parametrize("length", ["2h", "", "forever", 60, None])
def test_no_other_length(desk: Desk, length: object) -> None:
    assert no(desk, STRANGER, method="wallet", length=length) == Code.INVALID
    assert desk.family.member_of(STRANGER) is not None


def test_a_visitor_is_opened_and_is_a_visitor_again(desk: Desk) -> None:
    seen(desk)
    desk.ask("assign", Role.WEB, mac=STRANGER, profile="visitor", by="Mum")
    by_password(desk)
    listed = desk.ask("devices", Role.WEB, mac=STRANGER)["devices"][0]
    assert listed["profile"] == "visitor", "where it belongs has not changed"
    assert listed["adult_proof"]["by"] == "Mum"
    assert listed["opens"]
    desk.go(HOUR)
    listed = desk.ask("devices", Role.WEB, mac=STRANGER)["devices"][0]
    assert (listed["profile"], listed["adult_proof"]) == ("visitor", None)


def seen(desk: Desk) -> None:
    """The list of devices has it from now on."""
    desk.store.devices.seen(STRANGER, desk.clock.now())


# ---------------------------------------------------------------------------------- what does not


@pytest.mark.parametrize("method", ["password", "wallet"])
def test_a_child_s_own_device_is_never_opened(desk: Desk, method: str) -> None:
    proof = {"method": method, "name": "Mum", "digest": DIGEST}
    for mac in (TABLET, PHONE):
        assert "opens" not in desk.ask("device", mac=mac)
        assert no(desk, mac, **proof) == Code.CHILDS_DEVICE
        assert no(desk, mac, by="Mum") == Code.CHILDS_DEVICE
        assert whose(desk, mac) in ("daughter", "son")
    assert lines(desk) == []


def test_where_new_devices_have_a_child_s_rules_they_are_that_child_s(make: Make) -> None:
    desk = make(NOON, unknown_devices="son")
    assert no(desk, STRANGER, method="wallet") == Code.CHILDS_DEVICE


def test_what_may_be_a_child_s_stays_closed_until_a_parent_answers(desk: Desk) -> None:
    by_password(desk)
    ask = IdentityQuestion(STRANGER, Ask.AGAIN, desk.clock.now(), profile="daughter", known=TABLET)
    desk.store.questions.put(ask, lambda _: None, desk.clock.now())
    desk.reassign()
    assert whose(desk, STRANGER) == "daughter", "also where it was opened before"
    assert no(desk, STRANGER, method="wallet") == Code.MAY_BE_A_CHILDS
    assert no(desk, STRANGER, method="password", name="Mum", digest=DIGEST) == Code.MAY_BE_A_CHILDS


def test_a_shared_device_whose_address_another_one_may_use_stays_closed(desk: Desk) -> None:
    desk.store.questions.put(
        IdentityQuestion(OURS, Ask.COPY, desk.clock.now()), lambda _: None, desk.clock.now()
    )
    desk.reassign()
    assert no(desk, OURS, method="wallet") == Code.MAY_BE_A_CHILDS


def test_what_is_handed_over_or_open_anyway_is_not_opened(desk: Desk) -> None:
    assert no(desk, MUMS, method="wallet") == Code.NOT_FILTERED
    desk.ask("hand_over", Role.WEB, device=MUMS, who="daughter", by="Mum")
    assert no(desk, MUMS, method="wallet") == Code.HANDED_OVER
    assert whose(desk, MUMS) == "daughter"


def test_a_wrong_password_a_helper_s_and_none_open_nothing(desk: Desk) -> None:
    password = {"method": "password", "name": "Mum"}
    assert no(desk, STRANGER, **password, digest="00" * 64) == Code.WRONG_PASSWORD
    assert no(desk, STRANGER, **password) == Code.WRONG_PASSWORD
    assert no(desk, STRANGER, method="password", name="Eve", digest=DIGEST) == Code.WRONG_PASSWORD
    assert no(desk, STRANGER, method="password", name="Oma", digest=DIGEST) == Code.GUARDIANS_ONLY
    assert no(desk, STRANGER, method="guardian") == Code.INVALID
    assert no(desk, STRANGER) == Code.INVALID
    assert no(desk, "nonsense", method="wallet") == Code.INVALID
    assert desk.family.member_of(STRANGER) is not None
    assert lines(desk) == []


def test_thirty_two_are_open_at_most(desk: Desk) -> None:
    for number in range(32):
        by_wallet(desk, f"02:00:00:00:01:{number:02x}")
    assert no(desk, STRANGER, method="wallet") == Code.NO_ROOM
    by_wallet(desk, "02:00:00:00:01:00", "4h")


def test_nobody_makes_the_daemon_judge_all_again_at_will(desk: Desk) -> None:
    for _ in range(20):
        by_wallet(desk)
    assert no(desk, STRANGER, method="wallet") == Code.TRIED_TOO_OFTEN


# ---------------------------------------------------------------------------------- its end


def test_it_is_ended_on_the_device_and_from_a_parent_s_page(desk: Desk) -> None:
    by_password(desk)
    desk.ask("adult_proof", Role.WEB, action="end", device=STRANGER)
    assert desk.family.member_of(STRANGER) is not None
    by_password(desk)
    desk.ask("adult_proof", Role.WEB, action="end", device=STRANGER, by="Mum")
    assert desk.family.member_of(STRANGER) is not None
    assert refused(desk, "adult_proof", action="end", device=STRANGER) == Code.NOT_IN_FORCE
    assert sorted(who for who, what, _ in lines(desk) if what == "adult end") == ["Mum", "qalqan"]
    assert [one["what"] for one in desk.heard("adult_proof")] == ["opened", "ended"] * 2


def test_who_says_whose_it_is_ends_it(desk: Desk) -> None:
    seen(desk)
    by_password(desk, length="4h")
    desk.ask("assign", Role.WEB, mac=STRANGER, profile="son", by="Mum")
    assert whose(desk, STRANGER) == "son"
    desk.ask("assign", Role.WEB, mac=STRANGER, profile="guest", by="Mum")
    assert whose(desk, STRANGER) == "guest", "it does not begin again"


def test_a_child_takes_a_shared_device_from_the_adult_by_its_pin(desk: Desk) -> None:
    use(desk)
    by_password(desk, OURS)
    assert desk.sharing.use_of(OURS) is None
    assert refused(desk, "use", device=OURS, who="son", pin="9999") == Code.PIN_WRONG
    assert desk.family.member_of(OURS) is None
    use(desk)
    assert whose(desk, OURS) == "son"
    desk.ask("leave", Role.WEB, device=OURS)
    assert whose(desk, OURS) == "daughter"


def test_a_screen_that_is_an_adult_s_is_claimed_by_no_child(desk: Desk) -> None:
    desk.ask("adult_proof", Role.WEB, action="open", device=TV, length="1h", by="Mum")
    assert refused(desk, "claim", device=PHONE, screen=TV) == Code.OPEN_FOR_AN_ADULT
    desk.go(HOUR)
    desk.ask("claim", Role.WEB, device=PHONE, screen=TV)
    assert whose(desk, TV) == "son"


def test_a_file_that_gives_it_to_a_child_closes_it(desk: Desk) -> None:
    by_password(desk, length="4h")
    desk.ask("edit", Role.WEB, id="son", set={f"devices/{STRANGER}": True}, by="Mum")
    assert whose(desk, STRANGER) == "son"


# ---------------------------------------------------------------------------------- restarts and clocks


def test_a_restart_goes_on_with_what_is_left(desk: Desk) -> None:
    by_password(desk)
    desk.restart()
    assert desk.family.member_of(STRANGER) is None
    assert desk.ask("device", mac=STRANGER)["adult_proof"]["by"] == "Mum"
    desk.go(HOUR)
    assert desk.family.member_of(STRANGER) is not None
    by_password(desk)
    desk.stop()
    desk.clock.at += HOUR
    desk.start()
    assert desk.family.member_of(STRANGER) is not None


def test_a_clock_that_was_put_back_while_nothing_ran_makes_none_longer(desk: Desk) -> None:
    by_wallet(desk, length="morning")
    desk.stop()
    desk.clock.at -= timedelta(days=9)
    desk.start()
    assert desk.family.member_of(STRANGER) is not None


def test_a_start_that_does_not_know_the_time_opens_nothing_until_it_does(desk: Desk) -> None:
    by_password(desk, length="4h")
    desk.stop()
    desk.watch.known = False
    desk.start()
    assert desk.family.member_of(STRANGER) is not None
    desk.jump(known=True)
    assert desk.family.member_of(STRANGER) is None
    desk.go(timedelta(hours=4))
    assert desk.family.member_of(STRANGER) is not None


def test_what_a_clock_that_is_not_known_gave_ends_with_the_start(desk: Desk) -> None:
    desk.watch.known = False
    by_password(desk)
    assert desk.family.member_of(STRANGER) is None
    desk.restart()
    assert desk.family.member_of(STRANGER) is not None


@pytest.mark.parametrize("known", [True, False])
def test_a_clock_that_was_hours_ahead_while_it_was_given_leaves_no_hours_of_it(
    desk: Desk, *, known: bool
) -> None:
    """One hour is not eleven, whether the start knows the time or is told it later."""
    by_password(desk)
    desk.stop()
    desk.clock.at -= 10 * HOUR
    desk.watch.known = known
    desk.start()
    desk.jump(known=True)
    assert desk.family.member_of(STRANGER) is not None
    assert not desk.store.proofs.all()


def test_a_morning_outlives_a_clock_that_was_put_back_and_a_restart(desk: Desk) -> None:
    by_wallet(desk, length="morning")
    desk.jump(-2 * HOUR)
    desk.restart()
    assert desk.family.member_of(STRANGER) is None


@pytest.mark.parametrize(
    "size", [timedelta(days=-3), timedelta(hours=-5), timedelta(hours=5), timedelta(days=40)]
)
def test_a_jump_of_the_clock_neither_gives_nor_takes_a_minute(desk: Desk, size: timedelta) -> None:
    by_password(desk)
    desk.go(timedelta(minutes=20))
    desk.jump(size)
    assert desk.family.member_of(STRANGER) is None
    assert desk.ask("device", mac=STRANGER)["adult_proof"]["until"] == desk.local_now() + timedelta(
        minutes=40
    )
    desk.go(timedelta(minutes=40) - timedelta(seconds=1))
    assert desk.family.member_of(STRANGER) is None
    desk.go(timedelta(seconds=1))
    assert desk.family.member_of(STRANGER) is not None


def test_a_clock_that_is_put_back_makes_no_morning_later(desk: Desk) -> None:
    by_wallet(desk, length="morning")
    desk.jump(-timedelta(hours=5))
    assert desk.ask("device", mac=STRANGER)["adult_proof"]["until"] == desk.local_now() + timedelta(hours=18)
    desk.jump(timedelta(hours=5))
    assert desk.ask("device", mac=STRANGER)["adult_proof"]["until"] <= datetime(
        2026, 11, 25, 6, tzinfo=ALMATY
    )
    desk.jump(timedelta(hours=19))
    assert desk.family.member_of(STRANGER) is not None


def test_a_proof_that_ends_sooner_opens_no_longer(desk: Desk) -> None:
    until = desk.local_now() + timedelta(minutes=25)
    asked = {"action": "open", "device": STRANGER, "method": "wallet", "length": "4h"}
    assert desk.ask("adult_proof", Role.WEB, **asked, until=until.isoformat())["until"] == until
    desk.go(timedelta(minutes=25))
    assert desk.family.member_of(STRANGER) is not None
    for wrong, code in (("yesterday", Code.INVALID), (desk.local_now().isoformat(), Code.HAS_PASSED)):
        assert refused(desk, "adult_proof", **asked, until=wrong) == code
    later = desk.local_now() + timedelta(days=9)
    told = desk.ask("adult_proof", Role.WEB, **asked, until=later.isoformat())
    assert told["until"] == desk.local_now() + timedelta(hours=4)
