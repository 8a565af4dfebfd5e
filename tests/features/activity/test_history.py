"""`history`, `erase` and `changes`: what a guardian may see of past days, by log level, in real files."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.metering.ledgers import fold
from gateway.policy.values import Decision, Proto, Reason, Verdict
from gateway.store.minutes_file import MinuteRecord
from gateway.store.tables.history import SAMPLE
from tests.features.conftest import Make, at
from tests.features.desk import PHONE, TABLET, Desk
from tests.sentences import sentence

EVENING = "2026-11-24T19:40"  # a Tuesday
PIN = "4821"
ONE, MINUTE = timedelta(days=1), timedelta(minutes=1)
TIKTOK = Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, "block: service:tiktok", "family")
GAMBLING = Decision(
    Verdict.BLOCK, Reason.CATEGORY, "band 10-12: category:social_networks = ask", "band:10-12"
)
ADS = Decision(Verdict.BLOCK, Reason.CATEGORY, "band 10-12: category:ads_trackers = block", "band:10-12")
BEDTIME = Decision(Verdict.BLOCK, Reason.BEDTIME, "bedtime", "band:10-12")
OPEN = Decision(Verdict.ALLOW, Reason.OPEN, "open", "band:10-12")


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    service: str | None
    device: str = TABLET
    gate: str = "play"
    bytes: int = 300_000
    why: str = "moved"


def decided(
    desk: Desk, decision: Decision, host: str, level: int, when: datetime, kind: str = "service:tiktok"
) -> None:
    desk.store.events.record(
        decision, host=host, proto=Proto.TLS, profile="daughter", device=TABLET, level=level,
        category=kind, at=when,
    )  # fmt: skip


def lived(make: Make, level: int, son: dict[str, object] | None = None, **rules: object) -> Desk:
    """A day and a bit of the daughter's, kept at this level."""
    desk = make(EVENING, daughter={"log_level": level, **rules}, son=son)
    now = desk.local_now()
    for minutes in (3, 2):
        decided(desk, TIKTOK, "www.tiktok.com", level, now - minutes * MINUTE)
    decided(desk, TIKTOK, "v16.tiktokcdn.com", level, now - 9 * MINUTE)
    decided(desk, GAMBLING, "www.a-network.example", level, now - ONE, "category:social_networks")
    decided(desk, ADS, "ads.example", level, now, "category:ads_trackers")
    decided(desk, ADS, "more-ads.example", level, now, "category:ads_trackers")
    decided(desk, BEDTIME, "kk.wikipedia.org", level, now - 20 * 60 * MINUTE, "bedtime")
    decided(desk, OPEN, "kk.wikipedia.org", level, now - 5 * MINUTE, "open")
    desk.store.history.keep(
        (now - ONE).date(),
        {("daughter", "all"): 50, ("daughter", "service:youtube"): 30, ("daughter", "category:games"): 20},
    )
    desk.counted.rows = (Entry(now - 3 * MINUTE, "roblox"), Entry(now - 2 * MINUTE, None))
    return desk


def week(desk: Desk) -> dict[str, object]:
    return desk.ask("history", Role.WEB, id="daughter", **{"from": "2026-11-18", "to": "2026-11-24"})


def targets(found: object) -> list[str]:
    assert isinstance(found, list)
    return [str(one["target"]) for one in found]


def test_of_a_child_without_a_log_nothing_is_told(make: Make) -> None:
    told = week(lived(make, 0))
    assert (told["log_level"], told["days"], told["kinds"], told["refused"]) == (0, [], [], [])


def test_at_level_one_kinds_are_told_and_no_name_is(make: Make) -> None:
    desk = lived(make, 1)
    told = week(desk)
    assert (told["refused"], told["visited"]) == ([], [])
    days = told["days"]
    assert isinstance(days, list)
    assert [one["day"] for one in days][-2:] == ["2026-11-22", "2026-11-23"], "today is not over"
    assert targets(days[-1]["uses"]) == ["category:games"]
    assert (days[-1]["minutes"], days[-1]["refused"]) == (50, 2)
    desk.go(ONE)
    (today,) = desk.ask("history", id="daughter", **{"from": "2026-11-24", "to": "2026-11-24"})["days"]
    assert today["refused"] == 5
    assert "service:" not in repr(told)
    assert "tiktok" not in repr(told).casefold()


def test_a_service_that_an_earlier_version_stored_as_a_category_is_not_shown(make: Make) -> None:
    desk = make(EVENING, daughter={"log_level": 1})
    day = (desk.local_now() - ONE).date()
    desk.store.history.keep(
        day, {("daughter", use): 20 for use in ("all", "category:games", "category:service:roblox")}
    )
    days = week(desk)["days"]
    assert isinstance(days, list)
    assert targets(days[-1]["uses"]) == ["category:games"]


@dataclass(frozen=True, slots=True)
class Kept:
    at: datetime
    use: str


@pytest.mark.parametrize(("level", "services"), [(2, False), (3, True)])
def test_minutes_by_kind_are_told_where_no_limit_counts(make: Make, level: int, services: bool) -> None:
    desk = make(EVENING, daughter={"log_level": level, "band": "6-9"})
    now = desk.local_now()
    uses = ("all", "category:games", "service:roblox")
    desk.counted.kept = tuple(Kept(now - n * MINUTE, use) for n in (1, 2) for use in uses)
    (today,) = desk.ask("history", id="daughter")["days"]
    assert (today["minutes"], set(targets(today["uses"]))) == (2, {*uses[1 : 2 + services]})
    (games,) = (one for one in today["uses"] if one["target"] == "category:games")
    assert (games["minutes"], games["play"]) == (2, True)


def test_a_minute_that_a_limit_counted_as_well_is_one(make: Make) -> None:
    desk = lived(make, 2, limits={})
    now = desk.local_now()
    desk.counted.kept = tuple(Kept(now - 3 * MINUTE, use) for use in ("all", "category:games"))
    (today,) = desk.ask("history", id="daughter")["days"]
    assert today["minutes"] == 2
    assert {one["target"]: one["minutes"] for one in today["uses"]} == {
        "category:games": 1, "service:roblox": 1, "other": 1,
    }  # fmt: skip


def test_www_stays_before_a_public_suffix(make: Make) -> None:
    desk = make(EVENING, daughter={"log_level": 3, "band": "6-9"})
    now = desk.local_now()
    network = "category:social_networks"
    for host in ("www.gov.tr", "www.a-network.example"):
        decided(desk, GAMBLING, host, 3, now - MINUTE, network)
    for host in ("www.gov.uk", "www.example.org"):
        decided(desk, OPEN, host, 3, now - MINUTE, "open")
    answer = week(desk)
    refused = answer["refused"]
    assert isinstance(refused, list)
    assert {site["entry"] for site in refused} == {"www.gov.tr", "a-network.example"}
    assert set(targets(answer["visited"])) == {"www.gov.uk", "example.org"}


def test_at_level_two_what_was_refused_is_told_in_groups(make: Make) -> None:
    told = week(lived(make, 2))
    refused = told["refused"]
    assert isinstance(refused, list)
    assert targets(refused) == [
        "category:ads_trackers", "service:tiktok", "reason:bedtime", "a-network.example",
    ]  # fmt: skip
    ads, tiktok, bedtime, network = refused
    assert (ads["times"], ads["entry"]) == (2, None)
    assert (tiktok["name"], tiktok["times"], tiktok["entry"]) == ("TikTok", 3, "service:tiktok")
    assert tiktok["hosts"][0] == {"host": "www.tiktok.com", "times": 2}
    assert (tiktok["first"], tiktok["last"]) == (at("2026-11-24T19:31"), at("2026-11-24T19:38"))
    assert tiktok["sentence"] == "TikTok is blocked. Your family set this."
    assert (network["entry"], network["owner"]) == ("a-network.example", "band:10-12")
    assert bedtime["sentence"] == "It is bedtime: the internet is blocked. These are the 10-12 rules."
    assert told["visited"] == []


def test_at_level_three_what_was_open_is_told_too(make: Make) -> None:
    told = week(lived(make, 3, band="6-9"))
    assert targets(told["visited"]) == ["service:wikipedia"]


def test_a_lower_level_of_today_hides_what_was_kept_before(make: Make) -> None:
    desk = lived(make, 2)
    file = desk.folder / "profiles" / "daughter.yaml"
    file.write_text(file.read_text().replace("log_level: 2", "log_level: 1"))
    desk.reload()
    assert week(desk)["refused"] == []


def test_one_day_is_that_family_day_alone(make: Make) -> None:
    desk = lived(make, 2)
    told = desk.ask("history", id="daughter", **{"from": "2026-11-23", "to": "2026-11-23"})
    assert targets(told["refused"]) == ["reason:bedtime", "a-network.example"]
    assert [one["minutes"] for one in told["days"]] == [50]
    night = desk.ask("history", id="daughter", to="2026-11-24")
    assert targets(night["refused"]) == ["category:ads_trackers", "service:tiktok"]


@pytest.mark.parametrize(
    "span",
    [
        {"from": "2026-11-25", "to": "2026-11-25"},
        {"from": "2026-10-24"},
        {"from": "2026-11-24", "to": "2026-11-20"},
        {"from": "yesterday"},
    ],
)
def test_days_that_are_not_kept_are_refused(make: Make, span: dict[str, str]) -> None:
    with pytest.raises(ControlError):
        make(EVENING).ask("history", id="daughter", **span)


def test_only_children_have_a_history(make: Make) -> None:
    with pytest.raises(ControlError, match=sentence(Code.NO_CHILD, name="Mum")):
        make(EVENING).ask("history", id="mum")


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        (0, {}),
        (1, {"all": 1, "category:games": 1}),
        (2, {"all": 1, "category:games": 1, "service:roblox": 1}),
    ],
)
def test_of_a_day_that_is_over_as_much_is_kept_as_the_log_level_says(
    make: Make, level: int, kept: dict[str, int]
) -> None:
    desk = make(EVENING, daughter={"log_level": level})
    day = date(2026, 11, 23)
    records = [MinuteRecord(1, who, TABLET, "play", 300_000, "roblox") for who in ("daughter", "gone")]
    fold(day, records, desk.store, desk.rules)
    assert desk.store.history.of("daughter", day, day).get(day, {}) == kept
    assert desk.store.history.of("gone", day, day) == {}
    assert desk.store.minutes.of("daughter", day) == ({(day, "play"): 1} if level else {})


def test_made_up_days_are_marked(make: Make) -> None:
    desk = make(EVENING)
    now = desk.local_now()
    desk.store.audit.record(SAMPLE, "14 days", by="the virtual home", at=now)
    made_up = Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, f"sample: {TIKTOK.rule}", "family")
    decided(desk, made_up, "www.tiktok.com", 2, now - ONE)
    told = week(desk)
    assert told["sample_until"] == "2026-11-24"
    refused = told["refused"]
    assert isinstance(refused, list)
    assert (refused[0]["sample"], refused[0]["rule"]) == (True, "block: service:tiktok")


def test_a_guardian_erases_a_child_s_days_and_the_audit_says_who(make: Make) -> None:
    desk = lived(make, 2)
    desk.ask("guardian", action="add", name="Mum")
    desk.ask("erase", Role.WEB, id="daughter", by="Mum", session=desk.session("Mum"), origin="192.168.1.7")
    told = week(desk)
    assert (told["refused"], told["kinds"]) == ([], [])
    days = told["days"]
    assert isinstance(days, list)
    assert [one["minutes"] for one in days] == [0, 0, 0, 0, 0, 0, 2]  # today's, by which limits go
    line = desk.store.audit.lines()[0]
    assert (line.who, line.what, line.detail, line.origin) == ("Mum", "erase", "daughter all", "192.168.1.7")


def test_names_alone_can_be_erased(make: Make) -> None:
    desk = lived(make, 2)
    desk.ask("erase", id="daughter", what="names")
    told = week(desk)
    assert told["refused"] == []
    assert targets(told["kinds"])
    days = told["days"]
    assert isinstance(days, list)
    assert targets(days[-2]["uses"]) == ["category:games"]


def test_who_is_no_guardian_erases_nothing(make: Make) -> None:
    desk = lived(make, 2)
    with pytest.raises(ControlError):
        desk.ask("erase", Role.WEB, id="daughter", by="Daughter")
    assert week(desk)["refused"]


def with_pin(desk: Desk) -> Desk:
    desk.ask("pin", action="set", who="daughter", pin=PIN)
    return desk


def test_a_child_deletes_its_own_names_by_its_pin_and_the_counts_stay(make: Make) -> None:
    desk = with_pin(lived(make, 2))
    desk.ask("erase", Role.WEB, device=TABLET, pin=PIN, what="all", origin="192.168.1.20")
    told = week(desk)
    assert told["refused"] == []
    assert targets(told["kinds"]), "counts are no child's to delete, whatever it asks for"
    days = told["days"]
    assert isinstance(days, list)
    assert [one["minutes"] for one in days][-2:] == [50, 2]
    line = desk.store.audit.lines()[0]
    assert (line.who, line.what, line.detail) == ("Daughter", "erase", "daughter names")
    for path in (desk.folder / "state").glob("q.db*"):
        assert b"tiktokcdn" not in path.read_bytes(), path.name


@pytest.mark.parametrize("pin", [None, "9137"])
def test_without_its_pin_nobody_deletes_for_a_child_of_ten(make: Make, pin: str | None) -> None:
    desk = with_pin(lived(make, 2))
    with pytest.raises(ControlError):
        desk.ask("erase", Role.WEB, device=TABLET, **({"pin": pin} if pin else {}))
    assert week(desk)["refused"]


def test_a_child_s_device_deletes_nothing_of_a_sibling(make: Make) -> None:
    desk = with_pin(lived(make, 2, son={"band": "6-9"}))
    desk.ask("guardian", action="add", name="Mum")
    with pytest.raises(ControlError):
        desk.ask("erase", Role.WEB, device=PHONE, id="daughter", pin=PIN)  # the son is below ten
    desk.ask("erase", Role.WEB, device=PHONE, id="daughter", by="Mum", session=desk.session("Mum"))
    assert week(desk)["refused"], "the son's are gone, on whose device it was asked"


def test_the_cost_of_a_full_month_is_printed(make: Make) -> None:
    """300 names a day for a week, 40 kinds a day for a month; the figure is for whoever looks."""
    desk = make(EVENING, daughter={"log_level": 2})
    now = desk.local_now()
    for days in range(30):
        for number in range(40):
            decided(desk, ADS, "ads.example", 1, now - days * ONE, f"service:s{number}")
        for number in range(300 if days < 7 else 0):
            decided(desk, GAMBLING, f"host{number}.site{number % 80}.example", 2, now - days * ONE)
        desk.store.flush(0.0, force=True)
        desk.store.history.keep(
            (now - days * ONE).date(), {("daughter", f"service:s{n}"): n for n in range(30)}
        )
    week(desk)
    began = time.perf_counter()
    for _ in range(10):
        told = week(desk)
    print(f"history of a busy week: {(time.perf_counter() - began) * 100:.2f} ms")
    refused = told["refused"]
    assert isinstance(refused, list)
    assert len(refused) == 60
    assert told["refused_left_off"] == 20  # of 80 sites


def test_the_pages_may_ask_for_all_of_it() -> None:
    assert {"history", "erase", "changes"} <= WEB_VERBS


def test_what_guardians_set_today_is_told_with_how_to_take_it_back(make: Make) -> None:
    desk = make(EVENING)
    desk.ask("pause", who="son", minutes=30, by="Dad")
    desk.go(MINUTE)
    given = desk.ask("grant", who="daughter", minutes=15, by="Mum")
    desk.go(MINUTE)
    desk.ask("off", minutes=60, by="Mum")
    found = desk.ask("changes")["changes"]
    assert [(one["what"], one["name"], one["by"], one["undo"]) for one in found] == [
        ("off", None, "Mum", {"do": "on"}),
        ("grant", "Daughter", "Mum", {"do": "revoke", "grant": given["grant"]}),
        ("pause", "Son", "Dad", {"do": "resume", "who": "son"}),
    ]
    desk.ask("revoke", grant=given["grant"])
    desk.ask("resume", who="son")
    desk.ask("on")
    (left,) = desk.ask("changes")["changes"]
    assert (left["what"], left["minutes"], left["ended"], left["undo"]) == ("grant", 15, True, None)


def test_a_site_that_a_guardian_opened_is_told_and_a_landing_is_not(make: Make) -> None:
    asks = {"categories": {"social_networks": "ask"}, "unknown": "ask"}
    desk = make("2026-11-24T20:40", daughter=asks)
    number = desk.ask("request", device=TABLET, site="www.reddit.com")["request"]["id"]
    desk.ask("answer", id=number, answer="once", minutes=60, by="Mum")
    desk.ask("landing", device=TABLET)
    (one,) = desk.ask("changes")["changes"]
    assert (one["what"], one["thing_name"], one["name"]) == ("open", "Reddit", "Daughter")
    assert desk.ask("revoke", grant=one["undo"]["grant"])["who"] == ["daughter"]
    assert PHONE not in repr(one)
