"""`teach`, `lesson`, `teach_end`: a site is open for five minutes on a device, and what it needed is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml

from gateway.control.protocol import ANSWER_LIMIT, Role, encode
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.features.site_repair.repairs import UNANSWERED
from gateway.policy.requests.site_repair import LONGEST, MAX_NAMES
from gateway.policy.values import Decision, Observation, Proto, Reason
from tests.features.conftest import Make
from tests.features.desk import MUMS, NOON, PHONE, TABLET, Desk

OTHER = "02:00:00:00:00:1a"  # the daughter's second device
SMALL = {"band": "0-5"}
SITE = "school.kz"
PARTS = ("a.school-parts.kz", "b.school-parts.kz", "c.school-parts.kz")
MUM = {"by": "Mum", "origin": "192.168.1.7"}
SECOND = timedelta(seconds=1)


def loads(desk: Desk, mac: str, *hosts: str) -> dict[str, Decision]:
    """As the packet path asks, one name a second."""
    found = {}
    for host in hosts:
        subject = desk.family.subjects[desk.family.slot_of(mac)]
        found[host] = subject.decide(Observation(Proto.DNS, host, dport=53), desk.clock.now())
        desk.go(SECOND)
    return found


def start_repair(desk: Desk, host: str = SITE, **more: object) -> dict[str, Any]:
    return desk.ask("teach", id="daughter", host=host, **MUM, **more)


def refused(desk: Desk, do: str, role: Role = Role.OWNER, /, **values: object) -> tuple[str, dict[str, Any]]:
    with pytest.raises(GatewayError) as caught:
        desk.ask(do, role, **values)
    return caught.value.code, dict(caught.value.values)


def names(desk: Desk) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in desk.ask("lesson", id="daughter")["names"]}


def test_a_repair_opens_the_site_on_that_device_only_and_ends(make: Make) -> None:
    desk = make(NOON, daughter=SMALL, son=SMALL)
    answer = start_repair(desk, device=TABLET)
    assert answer["devices"] == [TABLET]
    assert answer["until"] == desk.local_now() + LONGEST
    assert desk.reason(TABLET, f"www.{SITE}") is Reason.FAMILY_ALLOW
    assert desk.reason(TABLET, PARTS[0]) is Reason.FAMILY_ALLOW
    for other in (OTHER, PHONE):
        assert desk.reason(other, SITE) is Reason.NOT_ON_LIST
    assert desk.ask("status")["profiles"][0]["lesson"]["state"] == "runs"
    assert desk.ask("status")["profiles"][1]["lesson"] is None
    before = desk.gates.rejudged
    desk.go(LONGEST)
    assert desk.reason(TABLET, SITE) is Reason.NOT_ON_LIST
    assert desk.gates.rejudged > before, "running flows are cut"
    assert desk.ask("lesson", id="daughter")["state"] == "over"
    desk.go(timedelta(seconds=UNANSWERED))
    assert desk.ask("lesson", id="daughter")["state"] == "none"


def test_without_a_device_it_is_on_all_of_the_childs(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    assert start_repair(desk)["devices"] == [TABLET, OTHER]
    assert desk.reason(OTHER, SITE) is Reason.FAMILY_ALLOW
    loads(desk, TABLET, SITE)
    loads(desk, OTHER, PARTS[0])
    assert set(names(desk)) == {SITE, PARTS[0]}


def test_what_the_pages_needed_is_told_and_what_was_not_opened(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    start_repair(desk, device=TABLET)
    loads(
        desk, TABLET, "weather.example.org", f"www.{SITE}", PARTS[0], "www.facebook.com", "fonts.gstatic.com"
    )
    loads(desk, TABLET, "malware.test.qalqan.invalid")
    answer = names(desk)
    assert {name: shown["proposed"] for name, shown in answer.items()} == {
        "weather.example.org": False,
        f"www.{SITE}": True,
        PARTS[0]: True,
        "www.facebook.com": False,
    }
    assert (answer["www.facebook.com"]["service"], answer["www.facebook.com"]["refused"]) == (
        "Facebook",
        "category",
    )
    assert "Social networks" in answer["www.facebook.com"]["sentence"]
    assert (answer[f"www.{SITE}"]["group"], answer[PARTS[0]]["group"]) == (SITE, "school-parts.kz")
    assert [one["profile"] for one in desk.heard("lesson")] == ["daughter"] * 5, "begun, and each new name"


def test_what_is_kept_is_one_edit_of_few_entries_and_is_taken_back(make: Make) -> None:
    desk = make(NOON, daughter=SMALL | {"allow": ["khanacademy.org"]})
    start_repair(desk, device=TABLET)
    loads(desk, TABLET, f"www.{SITE}", f"api.{SITE}", *PARTS, "d1.cloudfront.net", "d2.cloudfront.net")
    loads(desk, TABLET, "d3.cloudfront.net")
    done = desk.ask("teach_end", id="daughter", keep=list(names(desk)), **MUM)
    assert done["entries"] == [
        "d1.cloudfront.net", "d2.cloudfront.net", "d3.cloudfront.net", "school-parts.kz", SITE,
    ]  # fmt: skip
    assert done["kept"] == 8
    file = desk.folder / "profiles" / "daughter.yaml"
    assert yaml.safe_load(file.read_text())["allow"] == ["khanacademy.org", *done["entries"]]
    for mac in (TABLET, OTHER):
        assert desk.reason(mac, f"www.{SITE}") is Reason.FAMILY_ALLOW
    assert desk.reason(TABLET, "d9.cloudfront.net") is Reason.NOT_ON_LIST
    assert desk.reason(TABLET, "elsewhere.kz") is Reason.NOT_ON_LIST
    assert desk.ask("lesson", id="daughter")["state"] == "none"
    desk.ask("unedit", id="daughter", revision=done["undo"], **MUM)
    assert desk.reason(TABLET, SITE) is Reason.NOT_ON_LIST
    assert yaml.safe_load(file.read_text())["allow"] == ["khanacademy.org"]


def test_a_domain_of_which_something_was_refused_is_kept_name_by_name(make: Make) -> None:
    desk = make(NOON, daughter=SMALL | {"block": [f"ads.{SITE}", "ads.school-parts.kz"]})
    start_repair(desk)
    loads(desk, TABLET, f"www.{SITE}", f"ads.{SITE}", *PARTS, "ads.school-parts.kz")
    opened = [name for name, one in names(desk).items() if one["refused"] is None]
    done = desk.ask("teach_end", id="daughter", keep=opened, **MUM)
    assert done["entries"] == [*PARTS, f"www.{SITE}"]


def test_after_its_end_a_guardian_may_still_keep_and_may_keep_nothing(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    for keep in ([SITE], []):
        start_repair(desk)
        loads(desk, TABLET, SITE)
        desk.go(LONGEST)
        done = desk.ask("teach_end", id="daughter", keep=keep, **MUM)
        assert done["entries"] == keep
        assert (done["undo"] is None) == (not keep)
        if keep:
            desk.ask("unedit", id="daughter", revision=done["undo"], **MUM)
    assert refused(desk, "teach_end", id="daughter", keep=[], **MUM) == (Code.NO_REPAIR, {})


def test_names_that_are_allowed_meanwhile_change_no_file(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    start_repair(desk)
    loads(desk, TABLET, SITE)
    desk.ask("edit", id="daughter", set={f"allow/{SITE}": True}, **MUM)
    done = desk.ask("teach_end", id="daughter", keep=[SITE], **MUM)
    assert done == {"kept": 1, "entries": [SITE], "undo": None, "revision": None}


def test_only_what_the_repair_opened_is_kept(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    start_repair(desk)
    loads(desk, TABLET, SITE, "www.facebook.com")
    for keep in (["www.facebook.com"], ["never-asked.kz"], [SITE, "co.uk"]):
        assert refused(desk, "teach_end", id="daughter", keep=keep, **MUM)[0] == Code.NO_REPAIR
    assert desk.ask("lesson", id="daughter")["state"] == "runs"


@pytest.mark.parametrize(
    ("host", "code", "answer"),
    [
        ("www.facebook.com", Code.REPAIR_REFUSED, {"host": "www.facebook.com", "name": "Daughter"}),
        ("pornhub.com", Code.REPAIR_REFUSED, {"host": "pornhub.com", "name": "Daughter"}),
        ("blocked.kz", Code.REPAIR_REFUSED, {"host": "blocked.kz", "name": "Daughter"}),
        (
            "malware.test.qalqan.invalid",
            Code.FOR_EVERYONE,
            {"host": "malware.test.qalqan.invalid"},
        ),
    ],
)
def test_a_site_that_no_repair_opens_is_refused_at_once(
    make: Make, host: str, code: str, answer: dict[str, str]
) -> None:
    desk = make(NOON, daughter=SMALL | {"block": ["blocked.kz"]})
    assert refused(desk, "teach", id="daughter", host=host, **MUM) == (code, answer)
    assert desk.ask("lesson", id="daughter")["state"] == "none"


@pytest.mark.parametrize("host", ["co.uk", "192.168.1.1", "http://school.kz", "*.school.kz", "github.io"])
def test_text_that_is_no_site_is_refused(make: Make, host: str) -> None:
    desk = make(NOON, daughter=SMALL)
    code, answer = refused(desk, "teach", id="daughter", host=host, **MUM)
    assert (code, answer["key"]) == (Code.BAD_RULE, "host")


def test_a_repair_lifts_no_pause_and_no_bedtime_and_says_so(make: Make) -> None:
    desk = make("2026-11-24T21:00", daughter=SMALL)
    assert refused(desk, "teach", id="daughter", host=SITE, **MUM) == (
        Code.REPAIR_CLOSED,
        {"name": "Daughter"},
    )
    desk = make(NOON, daughter=SMALL)
    start_repair(desk)
    desk.ask("pause", who="daughter", by="Mum")
    assert desk.reason(TABLET, SITE) is Reason.PAUSED
    assert refused(desk, "teach", id="daughter", host=SITE, **MUM)[0] == Code.REPAIR_CLOSED


def test_whom_a_repair_may_be_for(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    assert refused(desk, "teach", id="mum", host=SITE, **MUM)[0] == Code.NO_CHILD
    assert refused(desk, "teach", id="nobody", host=SITE, **MUM)[0] == Code.NO_PROFILE
    for device in (PHONE, MUMS, "nonsense"):
        assert refused(desk, "teach", id="daughter", host=SITE, device=device, **MUM)[0] == Code.NO_DEVICE
    assert refused(desk, "teach", Role.WEB, id="daughter", host=SITE, by="Nobody")[0] == Code.NO_GUARDIAN
    assert refused(desk, "teach_end", Role.WEB, id="daughter", by="Nobody")[0] == Code.NO_GUARDIAN


def test_a_device_that_becomes_anothers_takes_no_repair_along(make: Make) -> None:
    desk = make(NOON, daughter=SMALL, son=SMALL)
    start_repair(desk, device=TABLET)
    desk.ask("edit", id="son", set={f"devices/{TABLET}": True}, **MUM)
    assert desk.reason(TABLET, SITE) is Reason.NOT_ON_LIST
    loads(desk, TABLET, SITE)
    assert names(desk) == {}


def test_a_restart_ends_it_closed(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    start_repair(desk)
    loads(desk, TABLET, SITE)
    desk.restart()
    assert desk.reason(TABLET, SITE) is Reason.NOT_ON_LIST
    assert desk.ask("lesson", id="daughter")["state"] == "none"


def test_a_clock_that_is_set_gives_no_longer_repair(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    start_repair(desk)
    desk.jump(timedelta(hours=-3))
    desk.go(LONGEST)
    assert desk.reason(TABLET, SITE) is Reason.NOT_ON_LIST


def test_no_site_is_written_into_the_audit(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    start_repair(desk, device=TABLET)
    loads(desk, TABLET, SITE, PARTS[0])
    desk.ask("teach_end", id="daughter", keep=[SITE, PARTS[0]], **MUM)
    lines = [(line.who, line.what, line.detail) for line in desk.store.audit.lines()]
    assert ("Mum", "teach", "daughter: a site, devices: 1") in lines
    assert ("Mum", "teach_end", "daughter: 2 names kept, as 2 entries") in lines
    assert not any(SITE in detail or "parts" in detail for _, _, detail in lines)


def test_nothing_listens_where_no_repair_runs(make: Make) -> None:
    """The packet path calls the member itself: nothing is added to it."""
    desk = make(NOON, daughter=SMALL)
    slot = desk.family.slot_of(TABLET)
    member = desk.family.members[slot]
    assert desk.family.subjects[slot].decide == member.decide
    start_repair(desk, device=TABLET)
    assert desk.family.subjects[slot].decide != member.decide
    assert desk.family.subjects[desk.family.slot_of(OTHER)].decide == (
        desk.family.members[desk.family.slot_of(OTHER)].decide
    )
    desk.ask("teach_end", id="daughter", keep=[], **MUM)
    assert desk.family.subjects[slot].decide == member.decide


def test_repairs_and_their_names_are_bounded(make: Make) -> None:
    desk = make(NOON, daughter=SMALL)
    start_repair(desk)
    for number in range(MAX_NAMES + 20):
        subject = desk.family.subjects[desk.family.slot_of(TABLET)]
        host = f"{'n' * 60}.{'n' * 60}.{'n' * 60}.n{number}.example"
        subject.decide(Observation(Proto.DNS, host, dport=53), desk.clock.now())
    answer = desk.ask("lesson", id="daughter")
    assert (len(answer["names"]), answer["left_out"]) == (MAX_NAMES, 20)
    assert len(encode({"ok": True, **answer})) < ANSWER_LIMIT


@pytest.mark.parametrize("what", ["names", "all"])
@pytest.mark.parametrize("runs", [True, False])
def test_deleting_activity_deletes_what_a_site_repair_recorded(make: Make, what: str, *, runs: bool) -> None:
    desk = make(NOON, daughter=SMALL, son=SMALL)
    start_repair(desk, device=TABLET)
    desk.ask("teach", id="son", host=SITE, device=PHONE, **MUM)
    loads(desk, TABLET, SITE, *PARTS)
    loads(desk, PHONE, SITE)
    if not runs:
        desk.go(LONGEST)
    assert set(names(desk)) >= {SITE, *PARTS}
    desk.ask("erase", id="daughter", what=what, by="Mum")
    assert desk.repairs.of("daughter") is None
    assert desk.reason(TABLET, SITE) is Reason.NOT_ON_LIST, "it is over, and nothing of it is kept"
    assert desk.repairs.of("son") is not None
