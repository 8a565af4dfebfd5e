"""Past days, today's changes and edited rules, as the daemon's verbs tell them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.store.stored_detail import COUNTS_DAYS
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

VIDEO = "video_sharing"
ONE = timedelta(days=1)
SOCIAL = "category:social_networks"
BAND = "Instagram is blocked: social networks. These are the 10-12 rules."


def minutes_of(day: date) -> int:
    """More at weekends; every day the same in every run."""
    return 35 + day.day * 7 % 50 + (60 if day.weekday() >= 5 else 0)


def sites(now: datetime) -> list[dict[str, Any]]:
    """What was refused to the daughter, the latest first."""
    site = {"sample": False, "rule": "", "until": None}
    return [
        {**site, "target": "service:tiktok", "name": "TikTok", "times": 12, "first": now - 2 * ONE,
         "last": now - timedelta(minutes=2), "hosts": [{"host": "www.tiktok.com", "times": 12}],
         "sentence": "TikTok is blocked. Your family set this.", "reason": "family_block",
         "owner": "family", "entry": "service:tiktok"},
        {**site, "target": "service:instagram", "name": "Instagram", "times": 3, "first": now - ONE,
         "last": now - timedelta(hours=3), "hosts": [{"host": "www.instagram.com", "times": 3}],
         "sentence": BAND, "reason": "category", "rule": SOCIAL,
         "owner": "band:10-12", "entry": "service:instagram"},
        {**site, "target": "a-club.example", "name": "a-club.example", "times": 1, "first": now - ONE,
         "last": now - ONE, "hosts": [{"host": "a-club.example", "times": 1}],
         "sentence": "a-club.example is blocked: social networks. These are the 10-12 rules.",
         "reason": "category", "rule": SOCIAL, "owner": "band:10-12", "entry": "a-club.example"},
        {**site, "target": "category:ads_trackers", "name": "ads and trackers", "times": 0, "background": 240,
         "first": now - 3 * ONE, "last": now, "hosts": [{"host": "ads.example", "times": 240}],
         "sentence": "ads.example is blocked: ads and trackers. These are the 10-12 rules.",
         "reason": "category", "rule": "category:ads_trackers", "owner": "band:10-12", "entry": None},
        {**site, "target": "reason:bedtime", "name": None, "times": 0, "background": 80, "first": now - ONE,
         "last": now - ONE, "hosts": [{"host": "push.example", "times": 80}],
         "sentence": "It is bedtime: the internet is blocked. These are the 10-12 rules.",
         "reason": "bedtime", "owner": "band:10-12", "entry": None},
    ]  # fmt: skip


class Living:
    def __init__(self, household: Household, now: datetime, rules: Mapping[str, Mapping[str, Any]]) -> None:
        self.household = household
        self.now = now
        self.rules = rules

    def verbs(self) -> dict[str, Handler]:
        return {
            "history": self._history,
            "changes": self._changes,
            "erase": self._erase,
            "traffic": self._traffic,
            "traffic_watch": self._watch,
        }

    def _changes(self, request: ControlRequest) -> Mapping[str, object]:
        """What a test says, and what was edited in the family's files."""
        edited = self.household.editing.verbs()["changes"](request)["changes"]
        assert isinstance(edited, tuple)
        return {"changes": [*edited, *self.household.changes]}

    def _history(self, request: ControlRequest) -> Mapping[str, object]:
        own = request.has("device")
        who = self.household.lending.own_child(request) if own else request.text("id")
        today = self.now.date()
        last = request.day("to", default=today)
        first = request.day("from", default=last)
        if not today - COUNTS_DAYS * ONE <= first <= last <= today:  # as the daemon bounds it
            request.refuse("from", 'and "to" must be days in order')
        stored, known = self.household.log_level(who), self.household.rules_of(who)
        level = 3 if own else stored
        erased = self.household.erased.get(who)
        lives = who == "daughter" and level and erased != "all"
        over = last if level >= 2 else min(last, today - ONE)  # the running day is private below names
        days = [first + n * ONE for n in range((over - first).days + 1)]
        told = sites(self.now) if lives and level >= 2 and erased is None else []
        return {
            "id": who, "name": known["name"], "band": known["band"], "log_level": stored,
            "from": first.isoformat(), "to": last.isoformat(), "today": today.isoformat(),
            "oldest": (today - 30 * ONE).isoformat(), "names_from": (today - 7 * ONE).isoformat(),
            "sample_until": self.household.sample_until,
            "days": [self._day(day, full=bool(lives), services=level >= 2) for day in days] if level else [],
            "kinds": [
                {"target": "category:ads_trackers", "name": "ads and trackers", "refused": 0, "opened": 0,
                 "background": 240},
                {"target": "category:social_networks", "name": "social networks", "refused": 16, "opened": 0},
            ] if lives else self.household.kinds if level else [],
            "refused": [{**one, **self.household.hostile} for one in told], "refused_left_off": 0,
            "visited": self.household.visited if level >= 3 else [],
            "visited_left_off": self.household.visited_left_off if level >= 3 else 0,
        }  # fmt: skip

    @staticmethod
    def _day(day: date, *, full: bool, services: bool) -> dict[str, object]:
        minutes = minutes_of(day) if full else 0
        film, game = minutes * 3 // 5, minutes * 2 // 5
        uses: list[dict[str, object]] = [
            {
                "target": "category:video_sharing",
                "name": "video sharing",
                "minutes": film,
                "category": VIDEO,
            },
            {"target": "category:games", "name": "games", "minutes": game, "play": True, "category": "games"},
        ]
        if services:
            uses += [
                {"target": "service:youtube", "name": "YouTube", "minutes": film, "category": VIDEO},
                {"target": "service:roblox", "name": "Roblox", "minutes": game, "category": "games"},
            ]
        told = uses if full else []
        return {"day": day.isoformat(), "minutes": minutes, "uses": told, "refused": 9 if full else 0}

    def _traffic(self, request: ControlRequest) -> Mapping[str, object]:
        self.household.guardian_of(request)
        after = request.whole("after", least=0, most=1 << 53, default=0)
        lines = [line for line in self.household.traffic if line["number"] > after]
        return {"lines": lines, "devices": [*self.household.seen_devices.values()]}

    def _watch(self, request: ControlRequest) -> Mapping[str, object]:
        by, device = self.household.guardian_of(request), self.household.seen_devices.get(request.text("mac"))
        if device is None or not device["child"]:
            raise ControlError.of(Code.TRAFFIC_PRIVATE)
        starts = request.choice("action", ("start", "end")) == "start"
        until = self.now + timedelta(minutes=15) if starts else None
        device.update(by=by if starts else "", until=until, shown=starts)
        self.household.watched = {"by": by, "device": device["name"], "until": until} if until else None
        return {"mac": device["mac"], "until": until}

    def _erase(self, request: ControlRequest) -> Mapping[str, object]:
        if request.has("device"):
            who = self.household.lending.own_child(request)
            self.household.erased[who] = "names"
            return {"id": who, "what": "names"}
        self.household.guardian_of(request)
        who, what = request.text("id"), request.choice("what", ("names", "all"))
        self.household.erased[who] = what
        return {"id": who, "what": what}


def change(at: datetime, what: str, who: str, name: str | None, **more: object) -> dict[str, object]:
    base: dict[str, object] = {
        "minutes": None,
        "thing": None,
        "thing_name": None,
        "until": None,
        "ended": False,
        "because": "",
        "undo": None,
        "edits": [],
        "left_off": 0,
        "devices": [],
    }
    return {**base, "at": at, "by": "Mum", "what": what, "who": who, "name": name, **more}
