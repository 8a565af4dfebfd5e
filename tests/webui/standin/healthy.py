"""How the gateway is, as the daemon tells it to the pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway.control.contract.health import COUNTER_DAYS, MAX_SUPPORT
from gateway.control.protocol import ControlRequest
from gateway.control.schema import values_of
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.figures import HEALTH_FIGURES, MEGABYTE
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import NOW


def finding(
    level: str, about: str, text: str, fix: str = "", code: str = "", **values: str
) -> dict[str, Any]:
    return {"level": level, "about": about, "text": text, "fix": fix, "code": code, "values": values}


FINE = (
    finding("ok", "product", "36 categories, 673 services"),
    finding("ok", "profile", "daughter: band 10-12, 2 devices"),
    finding("ok", "queue", "the kernel has nft's queue"),
    finding("ok", "lists", "65912 names"),
)
TROUBLE = (
    finding(
        "warning",
        "lists",
        "ut1-gambling is 9 days old",
        "run: qalqan lists update",
        "list_old",
        name="ut1-gambling",
        days="9",
    ),
    finding(
        "error",
        "uplink",
        "wan and br-lan are both in 192.168.1.0/24",
        "give br-lan another network",
        "same_network",
        inside="br-lan",
        outside="wan",
        network="192.168.1.0/24",
    ),
    finding("note", "country", "none chosen: no public holidays", code="no_country"),
)
PROVIDERS_TOKEN = "of-the-provider-0123456789"


class Healthy:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.findings: tuple[dict[str, Any], ...] = FINE
        self.running, self.problem, self.checked = False, "", True
        self.access: dict[str, Any] = {"until": None, "by": ""}
        self.just_now = False  # a check has just ended
        self.metrics = False  # a provider can read them
        self.metrics_access: dict[str, Any] | None = None  # the router's settings turn none on
        self.figures: dict[str, Any] = {
            **values_of(HEALTH_FIGURES), "packets": 812_000, "waiting": 1, "dropped": 7, "flows": 214,
            "memory": {"resident": 34 * MEGABYTE, "private": 24 * MEGABYTE, "files": 10 * MEGABYTE,
                       "peak": 39 * MEGABYTE},
            "lists": {"names": 65_912, "bytes": MEGABYTE, "built": NOW - timedelta(hours=15), "sources": 4},
        }  # fmt: skip
        self.samples = [
            {"at": NOW - timedelta(minutes=29 - n), "packets": 300 + n % 7 * 240, "dropped": 0, "waiting": 0,
             "resident": 34 * MEGABYTE}
            for n in range(30)
        ]  # fmt: skip
        self.log: list[dict[str, Any]] = [
            {"level": "warning", "place": "gateway.dataplane.lookups:88",
             "text": "no answer from 192.0.2.1",
             "first": NOW - timedelta(hours=3), "last": NOW - timedelta(minutes=4), "times": 12},
        ]  # fmt: skip

    def verbs(self) -> dict[str, Handler]:
        return {
            "health": self._health, "support": self._support, "support_access": self._give_access,
            "metrics": self._metrics, "metrics_access": self._give_metrics,
        }  # fmt: skip

    def _health(self, request: ControlRequest) -> Mapping[str, object]:
        if request.has("again") and not self.just_now:
            self.running = True
        return {
            "now": NOW, "version": "0.1.0",
            "check": {"running": self.running, "ended": NOW - timedelta(minutes=2) if self.checked else None,
                      "problem": self.problem, "findings": self.findings if self.checked else ()},
            "figures": self.figures, "samples": self.samples, "log": self.log, "access": self.access,
            "metrics": self.metrics, "metrics_access": self.metrics_access,
        }  # fmt: skip

    def _give_access(self, request: ControlRequest) -> Mapping[str, object]:
        minutes = request.whole("minutes", least=1, most=MAX_SUPPORT) if request.has("minutes") else None
        until = NOW + timedelta(minutes=minutes) if minutes else None
        self.access = {"until": until, "by": request.text("by") if minutes else ""}
        return self.access

    def _give_metrics(self, request: ControlRequest) -> Mapping[str, object]:
        allowed = request.values["allowed"]
        until = NOW + timedelta(days=COUNTER_DAYS) if allowed else None
        self.metrics_access = {"until": until, "by": request.text("by") if allowed else ""}
        return self.metrics_access

    def _metrics(self, request: ControlRequest) -> Mapping[str, object]:
        """The text of the provider, whose token this is."""
        if request.text("token") != PROVIDERS_TOKEN:
            raise ControlError.of(Code.WRONG_TOKEN)
        return {"text": f"# {request.text('format')}\n"}

    def _support(self, _request: ControlRequest) -> Mapping[str, object]:
        return {
            "format": 1, "made": NOW, "version": "0.1.0", "python": "3.13.5", "kernel": "6.12.0",
            "machine": "x86_64", "platform": "debian 13", "figures": self.figures, "samples": self.samples,
            "check": {"running": self.running, "ended": NOW},
            "findings": [{key: one[key] for key in ("level", "about")} for one in self.findings],
            "log": [{**one, "text": "no answer from %s"} for one in self.log],
        }  # fmt: skip
