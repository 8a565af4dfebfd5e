"""The lists behind the pages, as the daemon tells them and as guardians change them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import NOW

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

CATEGORIES = [{"id": "gambling", "name": "Gambling"}, {"id": "games", "name": "Games"}]
UT1 = "https://raw.githubusercontent.com/olbat/ut1-blacklists/master/blacklists/games/domains"


def a_list(key: str, name: str, category: str, **values: Any) -> dict[str, Any]:
    return {
        "id": key, "name": name, "url": UT1, "category": category, "category_name": category.capitalize(),
        "licence": "CC-BY-SA-4.0", "own": False, "on": True, "default": True, "names": 33_700,
        "about": 33_700, "bytes": 812_000, "fetched": NOW.replace(hour=4, minute=10), "stale": False,
        "error": "", "people": [], **values,
    }  # fmt: skip


def each() -> list[dict[str, Any]]:
    return [
        a_list("own-00000001", "School's list", "games", own=True, licence="", url="https://school.example/l.txt",
               names=12, about=0),
        a_list("ut1-games", "UT1 Toulouse, games", "games"),
        a_list("ut1-gambling", "UT1 Toulouse, gambling", "gambling", names=32_200, stale=True,
               fetched=NOW - timedelta(days=9), error="ut1-gambling: the server says 404 Not Found"),
        a_list("hostsvn-gambling", "hostsVN, gambling", "gambling", on=False, default=False, names=0,
               about=65_700, fetched=None),
    ]  # fmt: skip


class Listed:
    def __init__(self, household: Household) -> None:
        self._household = household
        self.found = each()
        self.wrong: list[dict[str, Any]] = []
        self.update: dict[str, Any] = {"running": False, "ended": None, "problems": []}
        self.plan: dict[str, Any] = {
            "interval": "daily", "running": False, "newest": NOW.replace(hour=4, minute=10), "waits_for": "",
            "next": NOW.replace(hour=3, minute=12) + timedelta(days=1), "failures": 0, "warning": "",
            "tier": "medium", "tier_chosen": False, "percent": None,
        }  # fmt: skip

    def verbs(self) -> dict[str, Handler]:
        return {
            "lists": self._lists,
            "list_lookup": self._lookup,
            "list_add": self._add,
            "list_remove": self._remove,
            "list_update": self._update,
            "list_report": self._report,
            "list_unreport": self._unreport,
            "why": self._why,
        }

    def of(self, key: str) -> dict[str, Any]:
        return next(one for one in self.found if one["id"] == key)

    def _lists(self, _request: ControlRequest) -> Mapping[str, object]:
        return {
            "table": {"names": 65_912, "bytes": 3_000_000, "built": NOW},
            "sources": self.found, "categories": CATEGORIES, "wrong": self.wrong, "update": self.update,
            "schedule": self.plan, "most": 16,
        }  # fmt: skip

    def _lookup(self, request: ControlRequest) -> Mapping[str, object]:
        host = request.text("host")
        if " " in host or "<" in host:
            msg = f"{host}: is no host name; write one such as www.example.org"
            raise ControlError(msg)
        if host == "listed.example":  # by a state's register alone
            return {
                "host": host, "refused_for_everyone": False, "resolver": None, "services": [], "sources": [],
                "matches": [{"name": host, "categories": ["law:kz"]}],
                "categories": [{"id": "law:kz", "name": "Register of Kazakhstan"}],
            }  # fmt: skip
        on = host.endswith("bet.example")
        return {
            "host": host, "refused_for_everyone": host == "sealed.example",
            "matches": [{"name": "bet.example", "categories": ["gambling"]}] if on else [],
            "categories": CATEGORIES[:1] if on else [], "resolver": None,
            "services": [{"id": "youtube", "name": "YouTube"}] if "youtube" in host else [],
            "sources": [
                {key: one[key] for key in ("id", "name", "url", "category")} | {"version": "2026-11-24"}
                for one in self.found
                if on and one["category"] == "gambling" and one["on"]
            ],
        }  # fmt: skip

    def _why(self, request: ControlRequest) -> Mapping[str, object]:
        """A site of a fetched list is blocked here; the judge decides about others."""
        if not request.text("host").endswith("bet.example"):
            return self._household.editing.verbs()["why"](request)
        blocked = request.text("profile") != "teen"
        verdict, sentence = (
            ("block", "A gambling site. The 10-12 rules refuse these.") if blocked else ("allow", "")
        )
        told = {"host": request.text("host"), "at": NOW, "verdict": verdict, "sentence": sentence}
        why = {"reason": "category", "rule": "category:gambling", "owner": "band:10-12"}
        return {**told, **(why if blocked else {"reason": "open"})}

    def _add(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        if request.has("id"):
            self.of(request.text("id"))["on"] = True
            return {"id": request.text("id")}
        if "192.168" in request.text("url"):
            raise ControlError.of(Code.NOT_OUTSIDE)
        values: dict[str, Any] = {key: request.text(key) for key in ("name", "url", "category")}
        if values["category"] == "own":
            values |= {"category": "own-00000002", "people": request.values["people"]}
        self.found.insert(0, a_list("own-00000002", own=True, fetched=None, names=0, **values))
        return {"id": "own-00000002"}

    def _remove(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        one = self.of(request.text("id"))
        if one["own"]:
            self.found.remove(one)
        one["on"] = False
        return one

    def _update(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        self.update = {"running": True, "problems": [], "source": "ut1-games", "done": 400_000, "percent": 40}
        return self.update

    def _report(self, request: ControlRequest) -> Mapping[str, object]:
        by = self._household.guardian_of(request)
        entry = {"host": "bet.example", "category": "gambling", "by": by, "at": NOW.date().isoformat()}
        self.wrong.insert(0, entry)
        return {"host": "bet.example", "opened": request.values.get("open", []), "problems": []}

    def _unreport(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        self.wrong[:] = [one for one in self.wrong if one["host"] != request.text("host")]
        return {"host": request.text("host")}
