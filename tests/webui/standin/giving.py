"""Extra time, landings, codes, requests and the ledger, as the daemon's verbs tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.language import ENGLISH
from gateway.policy.time.grant_messages import grant_sentence
from tests.webui.standin import untold
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

THINGS = {
    "www.instagram.com": "Instagram",
    "service:instagram": "Instagram",
    "service:tiktok": "TikTok",
    "service:roblox": "Roblox",
    "play service:roblox": "Play, Roblox",
}
GOOD_FOR = timedelta(days=90)


class Giving:
    def __init__(self, household: Household, now: datetime, names: Mapping[str, str]) -> None:
        self.household = household
        self.now = now
        self.names = names  # of the children, by id
        self.wrong = 0

    def verbs(self) -> dict[str, Handler]:
        return {
            "grant": self._grant,
            "revoke": self._revoke,
            "landing": self._landing,
            "ticket": self._ticket,
            "tickets": self._tickets,
            "withdraw": self._withdraw,
            "redeem": self._redeem,
            "request": self._request,
            "answer": self._answer,
            "requests": self._requests,
            "ledger": self._ledger,
            "time": self._time,
        }

    def _give(self, who: str, minutes: int, by: str) -> dict[str, Any]:
        time = self.household.minutes[who]
        if time["left"] is None and not time["used"]:
            raise ControlError.of(Code.NOTHING_TO_EXTEND, name=self.names[who])
        number = len(self.household.given) + 1
        self.household.given[number] = (who, by)
        time["left"]["minutes"] += minutes
        at = time["left"]["at"] = time["left"]["at"] + timedelta(minutes=minutes)
        paused, name = who in self.household.paused, self.names[who]
        sentence = grant_sentence(name, minutes, at, self.now, ENGLISH, paused=paused)
        return {
            "who": who, "minutes": minutes, "until": at, "gates": ["bedtime"], "thing": None,
            "thing_name": None, "paused": paused, "sentence": sentence, "grant": number,
        }  # fmt: skip

    def _grant(self, request: ControlRequest) -> Mapping[str, object]:
        by = self.household.guardian_of(request)
        given = self._give(request.text("who"), request.whole("minutes", least=1, most=1440), by)
        return {**{key: given[key] for key in ("grant", "minutes", "until", "sentence")}, "given": [given]}

    def _revoke(self, request: ControlRequest) -> Mapping[str, object]:
        self.household.guardian_of(request)
        number = request.whole("grant", least=1, most=1 << 53)
        found = self.household.given.pop(number, None)
        if found is None:
            raise ControlError.of(Code.NOT_IN_FORCE)
        return {"grant": number, "who": [found[0]]}

    def _landing(self, request: ControlRequest) -> Mapping[str, object]:
        who = self.household.child_of(request)
        landing = self.household.minutes[who]["landing"]
        if landing["taken"]:
            name = self.names[who]
            raise ControlError.of(Code.LANDED, name=name)
        landing["taken"] = True
        return self._give(who, landing["minutes"], self.names[who])

    def _ticket(self, request: ControlRequest) -> Mapping[str, object]:
        by, who = self.household.guardian_of(request), request.text("who")
        minutes = request.whole("minutes", least=1, most=240)
        count = request.whole("count", least=1, most=40, default=1)
        batch = str(len({one["batch"] for one in self.household.tickets.values()}) + 1)
        codes = [f"K7QM-3X{batch}{place:X}".ljust(9, "2")[:9] for place in range(2, 2 + count)]
        for code in codes:
            self.household.tickets[code] = {
                "batch": batch, "minutes": minutes, "who": None if who == "all" else who, "by": by,
            }  # fmt: skip
        return {"codes": codes, "minutes": minutes, "until": self.now + GOOD_FOR}

    def _tickets(self, request: ControlRequest) -> Mapping[str, object]:
        if not self.household.tells_batches:
            request.refuse("do", "is not known: 'tickets'")
        batches: dict[str, dict[str, Any]] = {}
        for one in self.household.tickets.values():
            name = self.names[one["who"]] if one["who"] else None
            made = {"made": self.now, "until": self.now + GOOD_FOR, "by": one["by"]}
            new = {"id": one["batch"], "count": 0, "minutes": one["minutes"], "who": one["who"], "name": name}
            batches.setdefault(one["batch"], {**new, **made})["count"] += 1
        return {"batches": list(batches.values())}

    def _withdraw(self, request: ControlRequest) -> Mapping[str, object]:
        self.household.guardian_of(request)
        batch = request.text("batch")
        found = [code for code, one in self.household.tickets.items() if one["batch"] == batch]
        if not found:
            raise ControlError.of(Code.NO_GOOD_CODES)
        for code in found:
            del self.household.tickets[code]
        return {"count": len(found)}

    def _redeem(self, request: ControlRequest) -> Mapping[str, object]:
        who, code = self.household.child_of(request), request.text("code")
        if self.wrong >= 5:
            raise ControlError.of(Code.TOO_MANY_TRIES, minutes=8)
        ticket = self.household.tickets.get(code)
        if ticket is None:
            self.wrong += 1
            raise ControlError.of(Code.CODE_UNKNOWN)
        if ticket["who"] not in {None, who}:
            raise ControlError.of(Code.CODE_OF_ANOTHER)
        given = self._give(who, ticket["minutes"], self.names[who])
        del self.household.tickets[code]
        return given

    def _request(self, request: ControlRequest) -> Mapping[str, object]:
        who = self.household.child_of(request)
        site = request.text_or_none("site")
        since, limits = request.moment_or_none("since"), request.text("limits", "")
        entries = {block["host"]: block.get("entry") for block in self.household.refusals}
        thing = entries.get(site or "") or site or limits or request.text_or_none("service")
        minutes = None if site else request.whole("minutes", least=1, most=240)
        if request.text("reason", "") == "too often":
            raise ControlError.of(Code.ASKED_TOO_OFTEN, times=20)
        kept = [
            one
            for one in self.household.requests
            if (one["state"], one["profile"], one["thing"]) != ("pending", who, thing)
        ]
        number = 1 + max((one["id"] for one in self.household.requests), default=0)
        made = {
            "id": number, "profile": who, "name": self.names[who], "device": request.text("device"),
            "topic": "ledger" if since else "site" if site else "time", "thing": thing, "since": since,
            "host": site, "wrong": bool(request.values.get("wrong")),
            "thing_name": THINGS.get(thing or "", thing),
            "minutes": minutes, "reason": request.text("reason", ""), "at": self.now,
            "expires": self.now + timedelta(hours=4), "state": "pending", "answer": None, "given": None,
            "because": "", "by": None, "answered": None, "grant": None,
        }  # fmt: skip
        if self.household.auto and not site:
            made |= {"state": "auto", "answer": "once", "given": minutes, "answered": self.now}
        self.household.requests = [made, *kept]
        shown = {**made, "told": "all"}
        return {"request": shown, "state": made["state"], "sentence": f"{self.names[who]} asks."}

    def _answer(self, request: ControlRequest) -> Mapping[str, object]:
        by = self.household.guardian_of(request)
        answer = request.choice("answer", ["once", "today", "always", "no"])
        site = request.text("site", "")
        if answer == "always" and not request.values.get("confirmed") and site in self.household.in_blocked:
            raise _unconfirmed(site, THINGS.get(site, site))
        if not request.has("id"):
            given = self._give(request.text("who"), request.values.get("minutes") or 60, by)
            return {
                "request": None, "grant": None if answer == "always" else given["grant"],
                "until": None if answer == "always" else given["until"], "given": None,
                "sentence": given["sentence"], "thing_name": THINGS.get(site, site),
            }  # fmt: skip
        number = request.whole("id", least=1, most=1 << 31)
        one = next(one for one in self.household.requests if one["id"] == number)
        if one["state"] != "pending":
            raise ControlError.of(Code.ANSWERED_BEFORE)
        blocked = one["thing"] in self.household.in_blocked
        if answer == "always" and not request.values.get("confirmed") and blocked:
            raise _unconfirmed(one["thing"], one["thing_name"])
        one.update(
            state="answered", answer=answer, by=by, answered=self.now, because=request.text("because", "")
        )
        if answer == "no":
            return {"request": one, "grant": None, "until": None, "given": None,
                    "sentence": f"The request of {one['name']} is declined."}  # fmt: skip
        one["given"] = request.whole("minutes", least=1, most=240) if answer == "once" else None
        given = self._give(one["profile"], one["given"] or 60, by)
        one["grant"] = given["grant"] if answer != "always" else None
        until = given["until"] if answer != "always" else None
        return {
            "request": one, "grant": one["grant"], "until": until,
            "given": None if one["topic"] == "site" else given, "sentence": given["sentence"],
            "thing_name": one["thing_name"],
        }  # fmt: skip

    def _requests(self, request: ControlRequest) -> Mapping[str, object]:
        found = self.household.requests
        if request.has("device"):
            who = self.household.child_of(request)
            return {"requests": [{**one, "told": "all"} for one in found if one["profile"] == who]}
        told = (untold.request(one, self.household.log_level(one["profile"])) for one in found)
        return {"requests": [one for one in told if one is not None]}

    def _ledger(self, request: ControlRequest) -> Mapping[str, object]:
        who = self.household.child_of(request) if request.has("device") else request.text("who")
        today = self.now.date()
        day = date.fromisoformat(request.text("day", today.isoformat()))
        found = (
            [one for one in self.household.counted if one["at"].date() == day] if who == "daughter" else []
        )
        used = self.household.spending.told(who)["used"] if day == today else []
        level = 3 if request.has("device") else self.household.log_level(who)
        whole = level >= 2
        return {
            "profile": who, "name": self.names[who], "day": day.isoformat(),
            "used": used if level else [], "totals": totals(found) if level else [],
            "minutes": found if whole else [], "left_off": self.household.left_off,
        }  # fmt: skip

    def _time(self, request: ControlRequest) -> Mapping[str, object]:
        self.household.guardian_of(request)
        if self.household.refuses_time:
            raise ControlError.of(Code.CLOCK_WRONG)
        return {"taken": True, "known": True, "at": request.moment_or_none("at")}


def totals(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    minutes: dict[tuple[str, str], set[datetime]] = {}
    for one in entries:
        minutes.setdefault((one["gate"], one["name"]), set()).add(one["at"])
    return [{"target": gate, "name": name, "minutes": len(at)} for (gate, name), at in minutes.items()]


def _unconfirmed(entry: str, name: str) -> ControlError:
    kind = "gambling"
    return ControlError.of(Code.CONFIRM_NEEDED, name=name, category=kind, categories=kind, entry=entry)
