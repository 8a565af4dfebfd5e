"""Filters the lines of live traffic for its page and its table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.control.contract.activity import TrafficDevice, TrafficLine, TrafficLines
from webui.features.activity.activity_table import Cells
from webui.language.i18n import gettext as _

SHOWN = 100  # lines on the page, the newest; the table has all
VERDICTS = ("block", "allow", "rewrite")


@dataclass(frozen=True, slots=True)
class TrafficFilter:
    """Criteria that select lines of live traffic; empty values match every line.

    ``paused``: the number of the last line to show, while the page is paused; None: it is not paused.
    """

    device: str = ""  # MAC
    verdict: str = ""
    reason: str = ""
    text: str = ""
    paused: int | None = None

    def matches(self, line: TrafficLine) -> bool:
        return (
            self.device in ("", line.mac)
            and self.verdict in ("", line.verdict)
            and self.reason in ("", line.reason)
            and self.text.casefold() in f"{line.host} {line.address} {line.rule}".casefold()
            and (self.paused is None or line.number <= self.paused)
        )

    def values(self, paused: int | None = None) -> dict[str, object]:
        """Return the query parameters of an address with this filter.

        ``paused``: the number of the last line to show; None: the page is not paused.
        """
        chosen = {"device": self.device, "verdict": self.verdict, "reason": self.reason, "text": self.text}
        return {key: value for key, value in chosen.items() if value} | (
            {} if paused is None else {"paused": paused}
        )


class TrafficView:
    """The lines of live traffic that match a `TrafficFilter`, newest first, and the devices.

    ``lines`` has at most SHOWN of them, ``rows`` all.
    """

    def __init__(self, traffic: TrafficLines, wanted: TrafficFilter) -> None:
        self.wanted = wanted
        self.names = {device.mac: device.name for device in traffic.devices}
        self.devices = traffic.devices
        self.last = max((line.number for line in traffic.lines), default=0)
        self.reasons = sorted({line.reason for line in traffic.lines} | ({wanted.reason} - {""}))
        self._found = [line for line in reversed(traffic.lines) if wanted.matches(line)]

    @property
    def lines(self) -> list[TrafficLine]:
        return self._found[:SHOWN]

    @property
    def left_off(self) -> int:
        return max(0, len(self._found) - SHOWN)

    @property
    def shown(self) -> tuple[TrafficDevice, ...]:
        return tuple(device for device in self.devices if device.shown)

    @property
    def children(self) -> tuple[TrafficDevice, ...]:
        return tuple(device for device in self.devices if device.child)

    def rows(self) -> Iterator[Cells]:
        """Yield the rows of the CSV table of live traffic: a header, then the lines that match the filter.

        All of them, newest first; the page shows only SHOWN.
        """
        yield (
            _("Time"), _("Device"), _("Name"), _("Address"), _("Port"), _("Protocol"), _("Verdict"),
            _("Reason"), _("Rule"),
        )  # fmt: skip
        yield from (self._row(line) for line in self._found)

    def _row(self, line: TrafficLine) -> Cells:
        at = line.at.strftime("%Y-%m-%d %H:%M:%S")
        name, port = self.names.get(line.mac, line.mac), str(line.port or "")
        return at, name, line.host, line.address, port, line.proto, line.verdict, line.reason, line.rule


def verdict_name(verdict: str) -> str:
    return {"block": _("Blocked"), "allow": _("Allowed"), "rewrite": _("Safe search")}.get(verdict, verdict)
