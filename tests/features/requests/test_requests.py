"""`request`, `answer`, `requests`: a child asks, a guardian answers, and running rules follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import yaml

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError, PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from gateway.policy.requests.requests import Answer, RequestState
from gateway.policy.values import Reason
from tests.features.conftest import Make, at
from tests.features.desk import PHONE, STRANGER, TABLET, Desk
from tests.household.household_files import DAUGHTER
from tests.sentences import sentence

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ASKS = {"categories": {"social_networks": "ask"}, "unknown": "ask"}
AFTERNOON, LATE = "2026-11-24T16:00", "2026-11-24T21:30"


def waiting(desk: Desk) -> list[int]:
    return [one["id"] for one in desk.ask("requests", pending=True)["requests"]]


def test_a_site_is_asked_for_as_the_service_that_it_belongs_to(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    answer = desk.ask("request", device=TABLET, site="www.reddit.com", reason="for a school project")
    assert answer["sentence"] == "Daughter asks for Reddit."
    one = answer["request"]
    assert (one["thing"], one["thing_name"], one["reason"]) == (
        "service:reddit",
        "Reddit",
        "for a school project",
    )
    assert (one["state"], one["device"], one["at"]) == ("pending", TABLET, at(AFTERNOON))
    again = desk.ask("request", device="02:00:00:00:00:1a", site="service:reddit", reason="please")["request"]
    assert (again["id"], again["reason"]) == (one["id"], "please")
    assert waiting(desk) == [one["id"]]
    assert desk.ask("request", device=TABLET, site="www.nobody-knows.example")["request"]["thing"] == (
        "nobody-knows.example"
    )
    assert [event["id"] for event in desk.heard("request")] == [1, 1, 2]
    assert [one["requests"] for one in desk.ask("status")["profiles"]] == [2, 0]


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("malware.test.qalqan.invalid", sentence(Code.FOR_EVERYONE, host="malware.test.qalqan.invalid")),
        ("khanacademy.org", sentence(Code.NOT_REFUSED, host="khanacademy.org", name="Daughter")),
        ("192.168.1.1", "address"),
        ("service:nonsense", sentence(Code.NO_SERVICE)),
    ],
)
def test_what_cannot_be_asked_for_says_so(make: Make, site: str, said: str) -> None:
    for when in (AFTERNOON, LATE):  # at bedtime too it is the site that is judged
        desk = make(when, daughter=ASKS)
        with pytest.raises(GatewayError, match=said):
            desk.ask("request", device=TABLET, site=site)
        assert waiting(desk) == []


@pytest.mark.parametrize("band", ["0-5", "6-9", "10-12", "13-15"])
@pytest.mark.parametrize(
    ("site", "thing"),
    [
        ("pornhub.com", "service:pornhub"),  # by a blocked category
        ("www.tiktok.com", "service:tiktok"),  # by the family's own rule
        ("m.shop.nowhere.example", "nowhere.example"),  # the registered domain
    ],
)
def test_each_blocked_site_can_be_asked_for_at_every_age(
    make: Make, band: str, site: str, thing: str
) -> None:
    desk = make(AFTERNOON, daughter={"band": band, "block": ["service:tiktok", "nowhere.example"]})
    answer = desk.ask("request", device=TABLET, site=site, wrong=True)["request"]
    assert (answer["thing"], answer["host"], answer["wrong"]) == (thing, site, True)
    desk.restart()
    (own,) = desk.ask("requests")["requests"]
    assert (own["thing"], own["host"], own["wrong"]) == (thing, site, True)


def test_two_names_of_a_site_are_one_request(make: Make) -> None:
    desk = make(AFTERNOON, daughter={"unknown": "block"})
    first = desk.ask("request", device=TABLET, site="m.nowhere.example")["request"]
    again = desk.ask("request", device=TABLET, site="www.shop.nowhere.example", wrong=True)["request"]
    assert (first["id"], first["wrong"]) == (again["id"], False)
    assert (again["host"], again["wrong"]) == ("www.shop.nowhere.example", True)
    assert waiting(desk) == [first["id"]]
    with pytest.raises(GatewayError, match='"wrong" is for a site'):
        desk.ask("request", device=TABLET, minutes=5, wrong=True)


def test_always_opens_what_the_family_s_own_rule_blocks(make: Make) -> None:
    blocks = ["service:tiktok", "TikTok.com", "example.com", "service:twitch"]
    desk = make(AFTERNOON, daughter={"block": blocks})
    desk.ask("request", device=TABLET, site="www.tiktok.com")
    assert desk.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_BLOCK
    answer = desk.ask("answer", who="daughter", site="tiktok.com", answer="always", by="Mum", confirmed=True)
    read = yaml.safe_load((desk.folder / "profiles" / "daughter.yaml").read_text())
    assert (read["block"], read["allow"]) == (["example.com", "service:twitch"], ["service:tiktok"])
    assert desk.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_ALLOW
    assert waiting(desk) == [], "the answer is that of the request for the same site"
    desk.ask("unedit", id="daughter", revision=answer["undo"], found=answer["revision"], by="Mum")
    assert desk.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_BLOCK


def test_always_opens_a_site_whose_block_is_written_in_cyrillic(make: Make) -> None:
    desk = make(AFTERNOON, daughter={"block": ["example.com", "Пример.рф"]})
    number = desk.ask("request", device=TABLET, site="www.пример.рф")["request"]["id"]
    host = "www.xn--e1afmkfd.xn--p1ai"
    assert desk.reason(TABLET, host) is Reason.FAMILY_BLOCK
    desk.ask("answer", id=number, answer="always", by="Mum")
    read = yaml.safe_load((desk.folder / "profiles" / "daughter.yaml").read_text())
    assert (read["block"], read["allow"]) == (["example.com"], [host.removeprefix("www.")])
    assert desk.reason(TABLET, host) is Reason.FAMILY_ALLOW


@pytest.mark.parametrize("asked", [True, False])
def test_a_blocked_category_opens_permanently_only_after_a_confirmation(make: Make, asked: bool) -> None:
    desk = make(AFTERNOON)
    desk.store.people.put(Account("Mum", secret="stamp"))
    about: dict[str, object] = {"who": "daughter", "site": "pornhub.com"}
    if asked:
        about = {"id": desk.ask("request", device=TABLET, site="pornhub.com")["request"]["id"]}
    for role in (Role.WEB, Role.OWNER):
        with pytest.raises(GatewayError) as refused:
            desk.ask("answer", role, answer="always", by="Mum", **about)
        assert refused.value.code == Code.CONFIRM_NEEDED
        assert refused.value.values == {
            "name": "Pornhub", "category": "adult", "categories": "adult", "entry": "service:pornhub",
        }  # fmt: skip
    assert desk.reason(TABLET, "pornhub.com") is Reason.CATEGORY
    desk.ask("answer", answer="always", by="Mum", confirmed=True, **about)
    assert desk.reason(TABLET, "pornhub.com") is Reason.FAMILY_ALLOW


@pytest.mark.parametrize("band", ["6-9", "10-12", "13-15"])
@pytest.mark.parametrize("rules", [{"categories": {"games": "block"}}, {"block": ["category:games"]}])
def test_a_whole_category_is_asked_for_once_and_opened_for_a_while(
    make: Make, band: str, rules: dict[str, object]
) -> None:
    desk = make(AFTERNOON, daughter={"band": band, **rules})
    desk.store.people.put(Account("Mum", secret="stamp"))
    hosts = ("www.roblox.com", "www.minecraft.net")
    before = [desk.reason(TABLET, host) for host in hosts]
    asked = desk.ask("request", device=TABLET, site="category:games")["request"]
    again = desk.ask("request", device=TABLET, site="category:games", reason="please")["request"]
    assert (asked["thing"], asked["thing_name"], again["id"]) == ("category:games", "Games", asked["id"])
    done = desk.ask("answer", Role.WEB, id=asked["id"], answer="once", minutes=30, by="Mum")
    assert [desk.reason(TABLET, host) for host in hosts] == [Reason.FAMILY_ALLOW] * 2
    assert desk.reason(TABLET, "pornhub.com") is Reason.CATEGORY, "no other category is open"
    with pytest.raises(GatewayError) as refused:
        desk.ask("request", device=TABLET, site="category:games")
    assert refused.value.code == Code.OPEN_NOW
    desk.restart()
    assert desk.reason(TABLET, hosts[0]) is Reason.FAMILY_ALLOW
    desk.ask("revoke", grant=done["grant"])
    assert [desk.reason(TABLET, host) for host in hosts] == before


@pytest.mark.parametrize("rules", [{"categories": {"games": "block"}}, {"block": ["category:games"]}])
def test_a_category_is_opened_permanently_only_after_a_confirmation(
    make: Make, rules: dict[str, object]
) -> None:
    desk = make(AFTERNOON, daughter=rules)
    asked = desk.ask("request", device=TABLET, site="category:games")["request"]["id"]
    with pytest.raises(GatewayError) as refused:
        desk.ask("answer", id=asked, answer="always", by="Mum")
    assert (refused.value.code, refused.value.values["entry"]) == (Code.CONFIRM_NEEDED, "category:games")
    answer = desk.ask("answer", id=asked, answer="always", by="Mum", confirmed=True)
    assert desk.reason(TABLET, "www.roblox.com") is Reason.OPEN
    assert waiting(desk) == []
    desk.ask("unedit", id="daughter", revision=answer["undo"], found=answer["revision"], by="Mum")
    assert desk.reason(TABLET, "www.roblox.com") in (Reason.CATEGORY, Reason.FAMILY_BLOCK)


def test_a_site_in_two_blocked_categories_needs_both_open(make: Make) -> None:
    blocked = {"categories": {"video_sharing": "block", "social_networks": "block"}, "block": []}
    desk = make(AFTERNOON, daughter=blocked)
    for number, category in enumerate(("video_sharing", "social_networks"), 1):
        assert desk.reason(TABLET, "www.tiktok.com") is Reason.CATEGORY
        desk.ask("request", device=TABLET, site=f"category:{category}")
        desk.ask("answer", id=number, answer="today", by="Mum")
    assert desk.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_ALLOW


@pytest.mark.parametrize(
    ("category", "rules"),
    [
        ("proxy", {}),  # of bypass methods
        ("malware", {}),  # for everyone
        ("games", {}),  # not blocked
        ("nonsense", {}),
        ("games", {"mode": "allow-list", "categories": {"games": "block"}}),  # opens no site there
    ],
)
def test_a_category_that_no_answer_opens_cannot_be_asked_for(
    make: Make, category: str, rules: dict[str, object]
) -> None:
    desk = make(AFTERNOON, daughter=rules)
    with pytest.raises(GatewayError):
        desk.ask("request", device=TABLET, site=f"category:{category}")
    assert waiting(desk) == []


@pytest.mark.parametrize("answer", ["once", "today"])
def test_a_guardian_opens_a_blocked_site_that_was_not_asked_for(make: Make, answer: str) -> None:
    desk = make(AFTERNOON)
    done = desk.ask("answer", who="daughter", site="www.tiktok.com", answer=answer, by="Mum")
    assert done["request"] is None
    assert desk.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_ALLOW
    assert desk.ask("requests")["requests"] == []
    assert desk.heard("answer") == []
    desk.ask("revoke", grant=done["grant"])
    assert desk.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_BLOCK


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"who": "daughter", "site": "www.tiktok.com", "answer": "no"}, Code.NO_REQUEST),
        ({"who": "daughter", "site": "khanacademy.org", "answer": "once"}, Code.NOT_REFUSED),
        ({"who": "daughter", "site": "malware.test.qalqan.invalid", "answer": "always"}, Code.FOR_EVERYONE),
        ({"who": "mum", "site": "www.tiktok.com", "answer": "once"}, Code.NO_CHILD),
        ({"who": "daughter", "answer": "once"}, Code.INVALID),
        ({"answer": "once"}, Code.INVALID),
    ],
)
def test_an_answer_about_no_request_and_no_blocked_site_of_a_child(
    make: Make, values: dict[str, object], code: Code
) -> None:
    desk = make(AFTERNOON)
    with pytest.raises(GatewayError) as refused:
        desk.ask("answer", by="Mum", **values)
    assert refused.value.code == code


def test_the_device_of_a_guest_is_no_child_s(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS, unknown_devices="guest")
    desk.ask("assign", mac=STRANGER, profile="guest", by="Mum")
    member = desk.family.member_of(STRANGER)
    assert member is not None
    assert member.profile.id == "guest"
    for wish in ({"site": "www.reddit.com"}, {"minutes": 15}):
        with pytest.raises(GatewayError) as refused:
            desk.ask("request", device=STRANGER, **wish)
        assert refused.value.code == Code.NO_DEVICE_OF_A_CHILD
    assert waiting(desk) == []


def test_once_opens_a_site_for_an_hour_and_then_running_flows_are_judged_again(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    assert desk.reason(TABLET, "www.reddit.com") is Reason.CATEGORY
    answer = desk.ask("answer", id=number, answer="once", by="Mum", because="an hour, then dinner")
    assert answer["sentence"] == "Reddit is allowed for Daughter until 17:00."
    assert desk.reason(TABLET, "www.reddit.com") is Reason.FAMILY_ALLOW
    assert desk.reason(TABLET, "instagram.com") is Reason.CATEGORY
    rejudged = desk.gates.rejudged
    desk.go(HOUR - MINUTE)
    assert desk.gates.rejudged == rejudged
    desk.go(MINUTE)
    assert desk.reason(TABLET, "www.reddit.com") is Reason.CATEGORY
    assert desk.gates.rejudged == rejudged + 1
    (event,) = desk.heard("answer")
    assert (event["because"], event["by"], event["answer"]) == ("an hour, then dinner", "Mum", "once")
    (own,) = desk.ask("requests", device=TABLET)["requests"]
    assert (own["because"], own["by"]) == ("an hour, then dinner", "Mum")
    with pytest.raises(GatewayError, match=sentence(Code.ANSWERED_BEFORE)):
        desk.ask("answer", id=number, answer="no", by="Dad")


def test_it_still_opens_no_bedtime(make: Make) -> None:
    desk = make(LATE, daughter=ASKS)
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    desk.ask("answer", id=number, answer="today")
    assert desk.reason(TABLET, "reddit.com") is Reason.BEDTIME


def test_today_ends_when_the_day_turns(make: Make) -> None:
    desk = make(AFTERNOON, daughter={**ASKS, "bedtime": {}})
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    assert desk.ask("answer", id=number, answer="today")["sentence"].endswith("until 04:00 tomorrow.")
    desk.restart()
    desk.go(12 * HOUR - MINUTE)
    assert desk.reason(TABLET, "reddit.com") is Reason.FAMILY_ALLOW
    desk.go(MINUTE)
    assert desk.reason(TABLET, "reddit.com") is Reason.CATEGORY


def test_always_is_written_into_the_profile_and_the_old_file_is_kept(make: Make) -> None:
    desk = make(AFTERNOON, daughter={**ASKS, "allow": ["example.net"]})
    file = desk.folder / "profiles" / "daughter.yaml"
    before = file.read_text()
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    answer = desk.ask("answer", id=number, answer="always", by="Dad")
    assert answer["sentence"] == "Reddit is allowed for Daughter from now on."
    read = yaml.safe_load(file.read_text())
    assert read["allow"] == ["example.net", "service:reddit"]
    assert read["devices"] == DAUGHTER["devices"]
    assert (file.parent / "history" / "000001" / "daughter.yaml").read_text() == before
    assert desk.reason(TABLET, "reddit.com") is Reason.FAMILY_ALLOW
    assert desk.ask("requests")["requests"][0]["answer"] == "always"


def test_always_where_the_file_cannot_take_it(make: Make) -> None:
    desk = make(AFTERNOON, daughter={**ASKS, "allow": {}})
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    with pytest.raises(GatewayError, match="allow: clears what the band says"):
        desk.ask("answer", id=number, answer="always")
    assert waiting(desk) == [number]


def test_no_is_told_with_its_reason(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    desk.ask("answer", id=number, answer="no", by="Mum", because="not yet")
    assert desk.reason(TABLET, "reddit.com") is Reason.CATEGORY
    (event,) = desk.heard("answer")
    assert (event["answer"], event["because"]) == ("no", "not yet")
    assert desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"] == number + 1


def test_time_is_given_once_as_asked_or_as_answered(make: Make) -> None:
    desk = make(LATE)
    number = desk.ask("request", device=TABLET, minutes=30, reason="the film ends soon")["request"]["id"]
    for wrong in ("today", "always"):
        with pytest.raises(GatewayError, match=sentence(Code.NOT_FOR_TIME)):
            desk.ask("answer", id=number, answer=wrong)
    answer = desk.ask("answer", id=number, answer="once", minutes=15, by="Mum")
    assert answer["sentence"] == "Daughter has 15 more minutes, until 21:45."
    assert desk.reason(TABLET) is Reason.OPEN
    desk.ask("revoke", grant=answer["grant"])
    assert desk.reason(TABLET) is Reason.BEDTIME


def test_time_for_one_service(make: Make) -> None:
    desk = make(LATE)
    asked = desk.ask("request", device=TABLET, minutes=20, service="whatsapp")
    assert asked["sentence"] == "Daughter asks for 20 minutes more of WhatsApp."
    desk.ask("answer", id=asked["request"]["id"], answer="once")
    assert desk.reason(TABLET, "web.whatsapp.com") is not Reason.BEDTIME
    assert desk.reason(TABLET) is Reason.BEDTIME


def test_who_has_all_the_time_asks_for_none(make: Make) -> None:
    desk = make(LATE, son={"bedtime": {}, "limits": {}})
    with pytest.raises(GatewayError, match="nothing to ask for"):
        desk.ask("request", device=PHONE, minutes=5)


def test_a_daily_amount_is_granted_by_itself(make: Make) -> None:
    desk = make(LATE, daughter={"auto_approve": "30m"})
    first = desk.ask("request", device=TABLET, minutes=20)
    assert (first["state"], first["sentence"]) == ("auto", "Daughter has 20 more minutes, until 21:50.")
    assert desk.reason(TABLET) is Reason.OPEN
    assert desk.ask("request", device=TABLET, minutes=11)["state"] == "pending"
    desk.restart()
    assert desk.ask("request", device=TABLET, minutes=10)["state"] == "auto"  # in place of the one that waits
    assert waiting(desk) == []
    assert [given.kind.value for given in desk.store.grants.given()] == ["auto", "auto"]
    desk.clock.at = at("2026-11-25T21:30")
    desk.gates.sync()
    assert desk.ask("request", device=TABLET, minutes=30)["state"] == "auto"


def test_a_request_of_last_night_uses_the_amount_of_the_day_that_it_is_granted_on(make: Make) -> None:
    desk = make("2026-11-25T00:30", daughter={"auto_approve": "30m"})
    waits = desk.ask("request", device=TABLET, minutes=31)
    assert waits["state"] == "pending"
    desk.clock.at = at("2026-11-25T04:30")
    desk.gates.sync()
    granted = desk.ask("request", device=TABLET, minutes=20)
    assert (granted["request"]["id"], granted["state"]) == (waits["request"]["id"], "auto")
    assert desk.ask("request", device=TABLET, minutes=11)["state"] == "pending"


def test_but_not_in_a_pause(make: Make) -> None:
    desk = make(LATE, daughter={"auto_approve": "30m"})
    desk.ask("pause", who="daughter", minutes=60)
    assert desk.ask("request", device=TABLET, minutes=20)["state"] == "pending"


def test_twenty_requests_a_day(make: Make) -> None:
    desk = make(LATE)
    for _ in range(20):
        desk.ask("request", device=TABLET, minutes=20)
    with pytest.raises(GatewayError, match="20 times today"):
        desk.ask("request", device="02:00:00:00:00:1a", minutes=20)
    desk.ask("request", device=PHONE, minutes=20)


def test_twenty_repeats_a_day_of_a_request_that_waits_since_yesterday(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    desk.ask("request", device=TABLET, site="reddit.com")
    desk.clock.at = at("2026-11-25T16:00")
    for _ in range(19):
        desk.ask("request", device=TABLET, site="reddit.com")
    desk.restart()
    desk.ask("request", device=TABLET, site="reddit.com")
    with pytest.raises(GatewayError, match="20 times today"):
        desk.ask("request", device=TABLET, site="reddit.com")
    desk.clock.at = at("2026-11-26T04:00")
    desk.ask("request", device=TABLET, site="reddit.com")


def test_many_answered_requests_hide_no_pending_one(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    desk.ask("request", device=TABLET, site="reddit.com")
    (asked,) = desk.store.requests.all()
    answered = replace(asked, state=RequestState.ANSWERED, answer=Answer.NO, by="Mum", answered=asked.at)
    for number in range(2, 200):
        desk.store.requests.put(replace(answered, id=number), by="Mum", what="answer", at=asked.at)
    listed = [request["id"] for request in desk.ask("requests")["requests"]]
    assert listed == [*range(199, 100, -1), asked.id]
    assert [request["id"] for request in desk.ask("requests", profile="daughter")["requests"]] == listed
    desk.ask("answer", id=asked.id, answer="no")
    assert [request["id"] for request in desk.ask("requests")["requests"]] == [*range(199, 99, -1)]


def test_nobody_answers(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    site = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    time = desk.ask("request", device=TABLET, minutes=15)["request"]["id"]
    desk.go(8 * HOUR - MINUTE)
    assert waiting(desk) == [time, site]
    desk.go(2 * MINUTE)
    assert waiting(desk) == [site]
    assert [(one["id"], one["state"]) for one in desk.heard("answer")] == [(time, "expired")]
    desk.restart()
    desk.go(2 * DAY)
    assert [one["id"] for one in desk.heard("request") if one["reminder"]] == [site]
    desk.go(5 * DAY)
    assert waiting(desk) == []
    with pytest.raises(GatewayError, match="has expired"):
        desk.ask("answer", id=site, answer="once")


def test_what_was_answered_survives_a_kill(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    desk.restart()
    desk.ask("answer", id=number, answer="once")
    desk.restart()
    assert desk.reason(TABLET, "reddit.com") is Reason.FAMILY_ALLOW
    desk.go(HOUR)
    assert desk.reason(TABLET, "reddit.com") is Reason.CATEGORY


def test_a_sibling_sees_nothing_of_it(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    desk.ask("request", device=TABLET, site="reddit.com")
    assert desk.ask("requests", device=PHONE)["requests"] == []
    assert desk.ask("requests", profile="son")["requests"] == []
    assert len(desk.ask("requests", profile="Daughter")["requests"]) == 1


def test_a_reason_is_one_short_line(make: Make) -> None:
    desk = make(LATE)
    for reason, said in (("x" * 201, "at most 200"), ("two\nlines", "one printable line")):
        with pytest.raises(GatewayError, match=said):
            desk.ask("request", device=TABLET, minutes=5, reason=reason)


def test_a_service_that_the_catalogue_has_no_more_is_told_in_one_line(make: Make) -> None:
    """Asked for before an update of the product."""
    desk = make(AFTERNOON)
    number = desk.ask("request", device=TABLET, minutes=10, service="roblox")["request"]["id"]
    known = desk.store.requests.get(number)
    assert known is not None
    desk.store.requests.shift(lambda one: replace(one, thing="gone"))
    with pytest.raises(PolicyError, match="gone: is no service of the catalogue any more"):
        desk.ask("answer", id=number, answer="once")
    assert desk.ask("answer", id=number, answer="no")["request"]["state"] == "answered"


def test_asking_and_being_told_no_changes_no_rule_no_limit_and_no_level(make: Make) -> None:
    """R-23: twenty requests, each told no, and as many refusals."""
    desk = make(AFTERNOON, daughter=ASKS)

    def how_it_is() -> object:
        told = desk.ask("status")["profiles"][0]
        own = {key: told[key] for key in ("band", "log_level", "state", "left", "used", "landing")}
        return own, desk.ask("rules", id="daughter"), desk.reason(TABLET, "instagram.com")

    before = how_it_is()
    for turn in range(20):
        what = {"site": "reddit.com"} if turn % 2 else {"minutes": 20}
        number = desk.ask("request", device=TABLET, **what)["request"]["id"]
        desk.ask("answer", id=number, answer="no", by="Mum", because="not today")
        assert desk.reason(TABLET, "www.reddit.com") is Reason.CATEGORY
    assert how_it_is() == before


def test_a_reminder_is_told_once_and_stands_with_the_request_until_it_is_answered(make: Make) -> None:
    """R-21."""
    desk = make(AFTERNOON, daughter=ASKS)
    site = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]

    def reminded() -> list[bool]:
        return [one["reminded"] for one in desk.ask("requests")["requests"]]

    desk.go(DAY - MINUTE)
    assert reminded() == [False]
    desk.go(2 * MINUTE)
    assert reminded() == [True]
    desk.go(2 * DAY)
    assert [one["id"] for one in desk.heard("request") if one["reminder"]] == [site], "once"
    desk.ask("answer", id=site, answer="no", by="Mum")
    assert reminded() == [False]


def test_a_removed_child_s_request_causes_no_reminder(make: Make) -> None:
    desk = make(AFTERNOON, daughter=ASKS)
    site = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    desk.ask("remove_profile", id="daughter")
    desk.go(8 * DAY)
    assert not any(event["reminder"] for event in desk.heard("request"))
    assert [event["id"] for event in desk.heard("answer")] == [site], "that it is over"


@pytest.mark.parametrize("answer", ["once", "today", "always", "no"])
def test_a_service_that_the_child_must_ask_for(make: Make, answer: str) -> None:
    desk = make(AFTERNOON, daughter={"categories": {"games": "block", "service:roblox": "ask"}})
    assert desk.reason(TABLET, "www.roblox.com") is Reason.SERVICE
    asked = desk.ask("request", device=TABLET, site="www.roblox.com")["request"]
    assert asked["thing"] == "service:roblox"
    desk.ask("answer", id=asked["id"], answer=answer, by="Mum")
    kept = yaml.safe_load((desk.folder / "profiles" / "daughter.yaml").read_text())["categories"]
    assert ("service:roblox" in kept) is (answer != "always")
    after = Reason.SERVICE if answer == "no" else Reason.FAMILY_ALLOW
    assert desk.reason(TABLET, "www.roblox.com") is after
    assert desk.reason(TABLET, "www.minecraft.net") is Reason.CATEGORY
