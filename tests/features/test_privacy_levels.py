"""What a guardian may learn of a child, by band, from every surface there is (docs/privacy.md).

The tables here and in ``surfaces.py`` name each surface. A new verb, event, page or operation fails here
until somebody says what of a child it tells. Those that tell of what a child does are asked by the tests, at
each level, here and in ``test_privacy_here.py``, ``test_privacy_asked.py`` and ``test_privacy_use.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from flask import Flask

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.path.live_flows import FlowId, LiveFlow
from gateway.policy.profile.rules import NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.values import Observation, Proto
from tests.features.conftest import Make
from tests.features.desk import TABLET, Desk
from tests.features.surfaces import CHILDREN, MAXIMA, MUM, OF_A_CHILD, with_
from tests.features.watched import Watched
from webui.api.answering import OPERATIONS
from webui.api.happenings import EVENTS

NOW = "2026-11-24T16:30"  # a Tuesday: no band sleeps
VISITED, REFUSED = "m4rkvisited", "m4rkrefused"
SERVICE = "youtube"
MINUTES = 47  # of play that are used, a number that stands nowhere else

TOLD_TO_ITSELF = frozenset(
    {
        "device",
        "landing",
        "redeem",
        "request",
        "use",
        "leave",
        "claim",
        "handed",
        "adult",
        "self_set",
        "agreement",
    }
)
"""Asked by a device of itself, or of who has it."""

ACTS = frozenset(
    {
        "pause", "resume", "grant", "revoke", "ticket", "withdraw", "answer", "guardian", "off", "on", "time",
        "identify", "dismiss", "edit", "unedit", "add_profile", "remove_profile", "restore_profile",
        "edit_family", "unedit_family", "assign", "forget", "name_device", "scan", "list_add", "list_remove",
        "list_update", "list_report", "list_unreport", "hand_over", "take_back", "pin", "adult_proof",
        "erase", "set_alerts", "teach", "teach_end", "device_mark", "restore", "take_step",
        "register", "auto_backup", "traffic_watch", "support_access", "switch_access", "metrics_access",
        "postpone_step", "push_off", "push_on", "channel_off", "channel_on", "events", "trusted_name",
        "home_automation",
    }
)  # fmt: skip
"""They do what a guardian says, and answer with that. ``events`` has a table of its own."""

OF_NOBODY = frozenset(
    {"helplines", "catalogue", "country", "lists", "list_lookup", "registers", "health", "support", "metrics"}
)
"""They know no child: what ships, the lists, the gateway's own state."""

EVENTS_OF_A_CHILD = frozenset({"refusal", "warning", "card", "status", "lesson"})
EVENTS_SAID = frozenset({"request", "landing", "answer", "grant", "sharing", "pin", "step", "adult_proof"})
EVENTS_OF_NOBODY = frozenset(
    {"device", "scan", "lists", "identity", "health", "proof", "trial", "people", "alerts", "traffic"}
)
"""What was done by a child's own filter; what a child or a guardian said; what is about the house."""

NAME_SERVICES = frozenset({"rules", "profile", "backup", "step"})
"""They tell what a family chose, services by name among it."""

OWN_PLACES = "my_"  # operations and pages of a child's own device
READ = {
    "teaching_read": "lesson", "growing_read": "step", "home_now": "status", "home_help_lines": "helplines",
    "home_country": "country",
    "registers_read": "registers", "home_changes": "changes", "home_catalogue": "catalogue",
    "children_all": "status", "children_one": "status", "rules_read": "rules", "rules_week": "week",
    "rules_summary": "profile", "rules_why": "why", "activity_history": "history",
    "activity_traffic": "traffic",
    "activity_ledger": "ledger", "activity_refusals": "refusals", "requests_all": "requests",
    "codes_all": "tickets", "devices_all": "devices", "devices_one": "devices", "devices_look": "scan",
    "devices_questions": "questions", "devices_cards": "cards", "sharing_all": "lent", "lists_all": "lists",
    "lists_lookup": "list_lookup", "family_read": "family", "people_all": "guardian",
    "account_me": "guardian", "account_sessions": "guardian", "account_tokens": "guardian",
    "log_read": "audit_log", "health_now": "health", "health_support": "support", "backup_look": "restore",
    "backup_last": "restore", "backup_automatic": "auto_backup",
    "alerts_read": "alerts", "proof_read": "filter_test", "proof_mine": "filter_test",
    "agreement_mine": "profile", "agreement_of_child": "profile",
    "selfset_mine": "profile", "selfset_of_child": "profile",
    "trial_read": "filter_test", "events_stream": "events",
}  # fmt: skip
"""Operations of the API that read, and the verb that each tells."""

PAGES = frozenset(
    {
        "account", "activity", "agreement", "alerts", "api", "asks", "auditlog", "automation", "backup",
        "band", "basics", "brand", "captive", "cards",
        "carry", "channels", "child", "claim", "codes", "device", "device_open", "device_use", "devices",
        "digest",
        "disputes", "door", "family", "family_card", "growing", "guide", "health", "helper", "home",
        "importing", "installable", "kinds", "language", "laws", "learn", "leave", "lending", "limits",
        "lists", "mean", "metrics", "my_activity",
        "passkeys", "people", "push", "refused", "registers", "requests", "rights",
        "rules", "search",
        "services", "own_services", "second", "secure", "selfset", "setup",
        "sharing", "site_repair", "sites", "static", "status", "stream", "support", "tests", "time", "tokens",
        "theme", "traffic",
        "unlock", "update", "wallet", "week",
    }
)  # fmt: skip
"""Nouns of the pages. Each asks verbs of the tables above and nothing else; import-linter sees to it."""


def test_every_surface_is_in_a_table(app: Flask) -> None:
    verbs = OF_A_CHILD.keys() | TOLD_TO_ITSELF | ACTS | OF_NOBODY
    assert verbs == WEB_VERBS
    assert EVENTS.keys() == EVENTS_OF_A_CHILD | EVENTS_SAID | EVENTS_OF_NOBODY
    reading = {one.name for one in OPERATIONS if one.method == "GET" and not one.name.startswith(OWN_PLACES)}
    assert reading == READ.keys()
    assert set(READ.values()) <= verbs
    assert {rule.endpoint.partition(".")[0] for rule in app.url_map.iter_rules()} == PAGES


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    from webui import Settings, create_app

    return create_app(Settings(tmp_path_factory.mktemp("web") / "control.sock"))


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    service: str | None = SERVICE
    device: str = TABLET
    gate: str = "play"
    bytes: int = 300_000
    why: str = "moved"


@dataclass(frozen=True, slots=True)
class Lived:
    """A child's afternoon, on the wire."""

    desk: Desk
    watched: Watched
    level: int

    def guardian_reads(self, verb: str) -> str:
        role = Role.OWNER if verb == "lesson" else Role.WEB
        who = {"session": self.desk.session(MUM)} if verb == "backup" else {}
        return repr(self.desk.ask(verb, role, **OF_A_CHILD[verb], **who)).casefold()


def lived(make: Make, band: str, **more: object) -> Lived:
    rules = {"band": band, "windows": {}, "limits": {"play": "10h"}, "bedtime": {}, **more}
    desk = make(NOW, daughter={**rules, "allow": ["visited.test"], "block": ["refused.test"]})
    watched = Watched(desk)
    desk.ask("guardian", action="add", name=MUM)
    desk.use("daughter", play=MINUTES)
    desk.counted.rows = (Entry(desk.local_now() - timedelta(minutes=5)),)
    desk.counted.devices["daughter"] = {TABLET: {"play": MINUTES}}
    watched.asks(TABLET, f"{VISITED}.visited.test")
    watched.asks(TABLET, f"{REFUSED}.refused.test")
    member = desk.family.member_of(TABLET)
    assert member is not None
    number = desk.store.class_number(member.slot, frozenset({"device", "play"}))
    for host in (f"{VISITED}.visited.test", "www.youtube.com"):
        flow = FlowId(member.slot, 6, host.encode(), 1, b"", 443)
        desk.live.put(flow, LiveFlow((Observation(Proto.TLS, host),), number, False))
    assert member.profile.rules.log_level == MAXIMA.get(band)
    return Lived(desk, watched, member.profile.rules.log_level)


@pytest.mark.parametrize("band", CHILDREN)
def test_no_rule_raises_a_level_above_that_of_its_age_group(make: Make, band: str) -> None:
    desk = make(NOW, daughter={"band": band, "log_level": 3} if MAXIMA[band] == 3 else {"band": band})
    assert desk.rules.household.profile("daughter").rules.log_level == MAXIMA[band]
    for level in range(MAXIMA[band] + 1, 4):
        with pytest.raises(GatewayError, match="log_level"):
            desk.ask("edit", id="daughter", set={"log_level": level}, by="console")


@pytest.mark.parametrize("band", CHILDREN)
def test_parents_see_no_more_than_the_age_group_allows(make: Make, band: str) -> None:
    now = lived(make, band)
    told = {verb: now.guardian_reads(verb) for verb in OF_A_CHILD}
    named = now.level >= NAMES_LEVEL
    assert with_(VISITED, told) == ({"history"} if now.level >= VISITS_LEVEL else set())
    assert with_(REFUSED, told) == ({"history", "refusals"} if named else set())
    used = {verb: text for verb, text in told.items() if verb not in NAME_SERVICES}
    assert with_(SERVICE, used) == ({"history", "ledger", "status"} if named else set())
    much = {"status", "ledger", "profile"}
    assert with_(f"'minutes': {MINUTES}", told) == (much if named else set())


@pytest.mark.parametrize("band", CHILDREN)
def test_events_contain_no_more_either(make: Make, band: str) -> None:
    now = lived(make, band)
    told = repr(now.desk.events).casefold()
    assert VISITED not in told
    assert (REFUSED in told) == (now.level >= NAMES_LEVEL)
    assert bool(now.desk.heard("refusal")) == (now.level >= NAMES_LEVEL), "when it was is a detail too"


@pytest.mark.parametrize("band", CHILDREN)
def test_only_what_may_be_shown_is_stored(make: Make, band: str) -> None:
    now = lived(make, band)
    kept = b"".join(now.watched.kept().values())
    assert (VISITED.encode() in kept) == (now.level >= VISITS_LEVEL)
    assert (REFUSED.encode() in kept) == (now.level >= NAMES_LEVEL)


@pytest.mark.parametrize("band", CHILDREN)
def test_its_own_device_is_told_all_the_same(make: Make, band: str) -> None:
    """The refusals of the last minutes, which minutes counted and how much is left are the child's own."""
    now = lived(make, band)
    desk = now.desk
    assert REFUSED in repr(desk.ask("refusals", Role.WEB, device=TABLET))
    if now.level:  # below that no book has single minutes, for nobody
        ledger = desk.ask("ledger", Role.WEB, device=TABLET)
        assert [one["service"] for one in ledger["minutes"]] == ["YouTube"]
    own = desk.ask("device", Role.WEB, mac=TABLET)
    assert [one["minutes"] for one in own["used"] if one["target"] == "play"] == [MINUTES]


@pytest.mark.parametrize(("band", "told"), [("10-12", True), ("13-15", False), ("16-17", False)])
def test_a_warning_of_a_limit_tells_that_it_is_used_just_now(make: Make, band: str, told: bool) -> None:
    desk = make(NOW, daughter={"band": band, "windows": {}, "bedtime": {}, "limits": {"play": "1h"}})
    member = desk.family.member_of(TABLET)
    assert member is not None
    number = desk.store.class_number(member.slot, frozenset({"device", "play"}))
    desk.live.put(FlowId(member.slot, 6, b"", 1, b"", 443), LiveFlow((), number, False))
    desk.use("daughter", play=50)
    assert bool(desk.heard("warning")) is told
    assert bool(desk.ask("status")["profiles"][0]["closing"]) is told
    assert desk.ask("device", Role.WEB, mac=TABLET)["closing"], "the child itself is warned at every level"


@pytest.mark.parametrize(("band", "told"), [("10-12", True), ("13-15", False), ("16-17", False)])
def test_below_level_2_a_site_repair_shows_only_what_the_site_needs(
    make: Make, band: str, told: bool
) -> None:
    desk = make(NOW, daughter={"band": band, "mode": "allow-list", "bedtime": {}, "block": ["refused.test"]})
    desk.ask("teach", id="daughter", host="school.test", by="console", device=TABLET)
    watched = Watched(desk)
    watched.asks(TABLET, "www.school.test")
    watched.asks(TABLET, f"{REFUSED}.refused.test")
    heard = repr(desk.ask("lesson", id="daughter"))
    assert "www.school.test" in heard
    assert (REFUSED in heard) is told
