"""Health: one sentence, checks in a family's words with a way out, figures, the log; and what is new."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.control.contract.health import SUPPORT
from gateway.control.schema import to_json
from tests import finding_codes
from tests.figures import HEALTH_FIGURES
from tests.webui.conftest import Browser
from tests.webui.standin.healthy import FINE, TROUBLE, finding
from tests.webui.standin.household import Household
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.places import NOW
from tests.words.catalogues import ROOT
from webui.charts import line
from webui.features.status import finding_text
from webui.features.status.health_text import SHOWN, HealthView, of_support, process_memory
from webui.upkeep.installed import Installed, installed
from webui.upkeep.whatsnew import parse_news, read_news

HEALTH = "/parent/health/"
UPDATE = "/parent/health/update/"


def read(mum: Browser, path: str = HEALTH) -> str:
    return html.unescape(text_of(mum.get(path).text)).replace("\u00a0", " ")


@pytest.mark.parametrize("path", [HEALTH, f"{HEALTH}now", "/support/support.json", UPDATE])
def test_nobody_else_sees_it(tablet: Browser, path: str) -> None:
    assert tablet.get(path).headers["Location"].endswith("/signin")


def test_nobody_else_has_it_checked(tablet: Browser, household: Household) -> None:
    assert tablet.post(f"{HEALTH}again").headers["Location"].endswith("/signin")
    assert "health" not in [do for do, _ in household.asked]


def test_all_is_well(mum: Browser) -> None:
    text = read(mum)
    assert "Everything works. Checked 2 minutes ago." in text
    assert "Connections through the filter fine" in text
    assert "daughter" not in text, "what is well needs no words of the program"


def test_what_needs_a_look_comes_first_with_its_way_out(mum: Browser, household: Household) -> None:
    household.healthy.findings = (*FINE, *TROUBLE)
    text = read(mum)
    assert "2 things need attention." in text
    for expected in (
        "The home's network does not work Some devices may bypass the filter",
        "br-lan and wan both use the addresses 192.168.1.0/24. Give br-lan other addresses.",
        "For whoever set up the gateway wan and br-lan are both in 192.168.1.0/24 give br-lan another",
        "The list ut1-gambling is 9 days old. Update the lists.",
        "Lists of sites needs attention New sites may be missing from them. To the lists",
        "Your family's rules worth knowing 1 remark No country is chosen, so public holidays and local help",
    ):
        assert expected in text, expected
    assert text.index("The home's network") < text.index("Lists of sites") < text.index("Your family's rules")
    assert '<a class="link" href="/parent/lists/">' in mum.get(HEALTH).text
    household.healthy.findings = (*FINE, TROUBLE[0])
    assert "1 thing needs attention." in read(mum)


def test_a_clock_that_nobody_vouches_for_needs_a_look(mum: Browser, household: Household) -> None:
    household.healthy.figures["clock"] = False
    text = read(mum)
    assert "1 thing needs attention." in text
    assert "The time is not known yet." in text


def test_before_the_first_check_has_ended(mum: Browser, household: Household) -> None:
    household.healthy.checked, household.healthy.running = False, True
    text = read(mum)
    assert "The checks are running. The checks are running." in text
    assert "Everything works" not in text


def test_checks_that_came_to_no_end_are_no_good_news(mum: Browser, household: Household) -> None:
    household.healthy.checked, household.healthy.problem = False, "it did not end within 2 min"
    text = read(mum)
    assert "The checks could not run. The last checks did not finish. Check again." in text
    assert "For whoever set up the gateway it did not end within 2 min" in text


def test_they_are_done_again(mum: Browser, household: Household) -> None:
    answer = mum.post(f"{HEALTH}again")
    assert (answer.status_code, answer.headers["Location"]) == (303, HEALTH)
    assert ("health", {"again": True}) in household.asked
    assert "The checks are running." in read(mum, f"{HEALTH}now")
    household.healthy.running, household.healthy.just_now = False, True
    mum.post(f"{HEALTH}again")
    assert "This was checked just now." in read(mum)


def test_figures_that_a_person_understands(mum: Browser) -> None:
    text = read(mum)
    for expected in (
        "in the last 30 minutes: 9 a second now, 29 at most",
        "The filter runs for 3 days", "The machine runs for 40 days", "Packets lost since the filter runs 7",
        "Packets of a connection that the filter reads, with HTTPS 1.2",
        "9 100, 8 800 answered", "Memory of the filter 34 MB", "Free memory 280 MB of 512 MB",
        "Load of 2 processors 0.31", "Free room 4.1 GB of 7.0 GB", "What is stored 2.4 MB",
        "put together today at 04:40 65 912",
    ):  # fmt: skip
        assert expected in text, expected


def test_it_says_when_a_provider_can_read_counters(mum: Browser, household: Household) -> None:
    assert 'id="metrics"' not in mum.get(HEALTH).text
    household.healthy.metrics = True
    approved = {"until": NOW, "by": "Mum"}
    for access, shown in ((None, True), (NOT_APPROVED, True), (approved, False)):
        household.healthy.metrics_access = access
        assert ('id="metrics"' in mum.get(HEALTH).text) is shown


COUNTERS = "Counters for your provider"
NOT_APPROVED = {"until": None, "by": ""}


def test_a_parent_lets_the_provider_read_the_counters_and_ends_it(mum: Browser, household: Household) -> None:
    assert COUNTERS not in read(mum), "the provider asks for none"
    household.healthy.metrics_access = NOT_APPROVED
    assert COUNTERS in read(mum)
    assert "Allow for 30 days" in read(mum)
    for _ in range(2):  # the second time renews it
        assert mum.post(f"{HEALTH}counters", {"for": "allow"}).status_code == 303
        asked = [values["allowed"] for do, values in household.asked if do == "metrics_access"]
        assert asked[-1] is True
        text = read(mum)
        assert "read counters of this gateway until 19:40 on 24 December." in text
        assert "Renew for 30 days" in text
    assert mum.post(f"{HEALTH}counters", {"for": "end"}).status_code == 303
    assert "Your provider can no longer read the counters." in read(mum)
    assert mum.post(f"{HEALTH}counters", {"for": "60"}).status_code == 400


def test_a_child_cannot_let_the_provider_read_the_counters(tablet: Browser, household: Household) -> None:
    assert tablet.post(f"{HEALTH}counters", {"for": "allow"}).headers["Location"].endswith("/signin")
    assert "metrics_access" not in [do for do, _ in household.asked]


def test_the_log_says_when_and_how_often(mum: Browser, household: Household) -> None:
    assert "no answer from 192.0.2.1 4 minutes ago · 12 times · gateway.dataplane.lookups:88" in read(mum)
    household.healthy.log *= SHOWN + 2
    assert "2 older lines are in the support file." in read(mum)
    household.healthy.log = []
    assert "Nothing since the filter was started." in read(mum)


def test_what_the_program_says_is_escaped(mum: Browser, household: Household) -> None:
    household.healthy.log[0]["text"] = HOSTILE
    household.healthy.findings = (finding("error", "profile", HOSTILE, HOSTILE),)
    household.healthy.problem = HOSTILE
    page = mum.get(HEALTH).text
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_the_support_file_is_what_the_daemon_has_for_support(mum: Browser, household: Household) -> None:
    household.healthy.findings = (*FINE, *TROUBLE)
    answer = mum.get("/support/support.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="qalqan-support.json"'
    told = json.loads(answer.text)
    assert "health" not in [do for do, _ in household.asked], "no personal part is even asked for"
    assert (told["format"], told["log"][0]["text"]) == (1, "no answer from %s")
    assert "daughter" not in answer.text


def test_a_parent_lets_the_provider_fetch_the_file_and_ends_it(mum: Browser, household: Household) -> None:
    assert "It can then fetch this file, and nothing else." in read(mum)
    assert mum.post(f"{HEALTH}access", {"for": "1440"}).status_code == 303
    assert ("support_access", 1440) in [(do, values.get("minutes")) for do, values in household.asked]
    assert "Mum lets your internet provider fetch this file until 19:40 tomorrow." in read(mum)
    household.healthy.access["by"] = "console"
    assert "The gateway's console lets your internet provider fetch this file" in read(mum)
    assert mum.post(f"{HEALTH}access", {"for": "end"}).status_code == 303
    assert "Your provider can no longer fetch the file." in read(mum)
    assert "fetch this file until" not in read(mum)


def test_a_child_cannot_let_the_provider_in(tablet: Browser, household: Household) -> None:
    assert tablet.post(f"{HEALTH}access", {"for": "60"}).headers["Location"].endswith("/signin")
    assert "support_access" not in [do for do, _ in household.asked]


SWITCH = "Rules off by your provider"


def test_a_parent_lets_the_provider_turn_the_rules_off_and_ends_it(
    mum: Browser, household: Household
) -> None:
    assert SWITCH not in read(mum), "without a connection to a provider there is nothing to allow"
    household.extra["provider"] = {"support": None, "switch": None}
    assert SWITCH in read(mum)
    assert mum.post(f"{HEALTH}switch", {"for": "60"}).status_code == 303
    assert ("switch_access", 60) in [(do, values.get("minutes")) for do, values in household.asked]
    assert "Your internet provider may turn the rules off and on until 20:40." in read(mum)
    assert mum.post(f"{HEALTH}switch", {"for": "end"}).status_code == 303
    assert "Your provider can no longer turn the rules off." in read(mum)
    assert mum.post(f"{HEALTH}switch", {"for": "9"}).status_code == 400


def test_a_child_cannot_let_the_provider_turn_the_rules_off(tablet: Browser, household: Household) -> None:
    assert tablet.post(f"{HEALTH}switch", {"for": "60"}).headers["Location"].endswith("/signin")
    assert "switch_access" not in [do for do, _ in household.asked]


def test_what_support_is_told_is_read_as_well(household: Household) -> None:
    told = {
        "made": NOW.isoformat(), "version": "0.1.0", "check": {"running": False, "ended": NOW.isoformat()},
        "findings": [{"level": "warning", "about": "profile"}], "figures": to_json(HEALTH_FIGURES),
        "format": 1,
    }  # fmt: skip
    health = HealthView(of_support(SUPPORT.decode_response(told)))
    assert (health.state.now, health.wrong, health.topics[0].telling[0].text) == (NOW, 1, "")


def test_a_check_of_a_later_version_is_shown(mum: Browser, household: Household) -> None:
    household.healthy.findings = (*FINE, finding("warning", "moon", "it is full", "wait"))
    assert "Other checks needs attention it is full wait" in read(mum)


def test_a_line_is_drawn_from_foot_to_top_with_the_newest_at_the_right() -> None:
    root = ElementTree.fromstring(line([0, 5, 10], 5))
    points = root[0].attrib["points"].split()
    assert points == ["120.0,38.0", "180.0,20.0", "240.0,2.0"]
    assert "points" in line([], 60)
    assert "nan" not in line([0, 0], 1)


def test_own_memory_is_that_of_this_process(tmp_path: Path) -> None:
    assert process_memory() > 1_000_000
    (tmp_path / "status").write_text("Name:\tx\nVmRSS:\t  120 kB\n")
    assert process_memory(tmp_path / "status") == 120 * 1024


# ---------------------------------------------------------------------------------------- update

CHANGELOG = """# Changelog

## Unreleased

### Added
- One thing, which
  goes on.

### Fixed
- `Another`.

## [0.2.0] - 2026-12-01

### Added
- A third.
"""


def test_what_is_new_is_that_of_the_version() -> None:
    news = parse_news("0.2.0", CHANGELOG)
    assert news is not None
    assert (news.heading, news.entries) == ("[0.2.0] - 2026-12-01", ("A third.",))
    news = parse_news("0.3.0", CHANGELOG)
    assert news is not None
    assert news.entries == ("One thing, which goes on.", "Another.")
    assert parse_news("0.1.0", "# Changelog\n") is None


def test_the_list_of_changes_comes_along(tmp_path: Path) -> None:
    news = read_news("0.1.0")
    assert news is not None
    assert news.entries
    assert read_news("0.1.0", tmp_path / "none") is None


def test_how_it_came_here(tmp_path: Path) -> None:
    assert installed(tmp_path, tmp_path) is Installed.PYTHON
    (tmp_path / "var/lib/dpkg/info").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/info/qalqan.list").touch()
    assert installed(tmp_path, tmp_path) is Installed.DEBIAN
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/openwrt_release").touch()
    assert installed(tmp_path, tmp_path) is Installed.OPENWRT
    (tmp_path / ".git").touch()
    assert installed(tmp_path, tmp_path) is Installed.GIT


@pytest.mark.parametrize(
    ("how", "step"),
    [
        (Installed.OPENWRT, "opkg upgrade qalqan"),
        (Installed.DEBIAN, "apt-get install qalqan"),
        (Installed.GIT, "git pull"),
        (Installed.PYTHON, "pip install --upgrade qalqan"),
    ],
)
def test_how_a_newer_one_comes_here(
    mum: Browser, monkeypatch: pytest.MonkeyPatch, how: Installed, step: str
) -> None:
    monkeypatch.setattr("webui.upkeep.installed.installed", lambda: how)
    text = read(mum, UPDATE)
    assert "Qalqan 0.1.0 runs" in text
    assert step in text
    assert "This page does not download programs." in text


def test_each_finding_is_worded_in_the_language_of_the_reader(mum: Browser, household: Household) -> None:
    household.healthy.findings = TROUBLE
    for language, told in (
        ("ru", "Списку ut1-gambling уже 9 дн. Обновите списки."),
        ("kk", "ut1-gambling тізіміне 9 күн болды. Тізімдерді жаңартыңыз."),
    ):
        assert told in text_of(mum.get(HEALTH, Accept_Language=language).text)


def test_the_pages_word_each_code_of_the_check() -> None:
    calls = [
        call
        for path in (ROOT / "gateway" / "check").glob("*.py")
        for call in re.findall(r"code=([^,\n]+)", path.read_text("utf-8"))
    ]
    codes = {code for call in calls for code in re.findall(r'(?<!== )"([a-z0-9_]+)"', call)}
    assert len(codes) > 50
    assert codes == set(finding_text._texts())


def test_the_pages_word_each_part_that_may_not_work() -> None:
    source = (ROOT / "gateway" / "app" / "daemon.py").read_text("utf-8")
    parts = source.partition("def problems(")[2].partition("return ")[0]
    codes = set(re.findall(r'^ +\("([a-z_]+)", ', parts, re.MULTILINE))
    assert len(codes) > 10
    assert codes == set(finding_text._problems())


def test_the_document_lists_each_code_with_its_meaning_and_what_to_do() -> None:
    assert finding_codes.DOCUMENT.read_text("utf-8") == finding_codes.document(), (
        "run: python -m tests.finding_codes"
    )
