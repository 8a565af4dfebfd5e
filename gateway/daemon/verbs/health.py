"""How the gateway is, over the control socket: whole for guardians, nothing personal for support."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.control.protocol import Request, Verb
from gateway.daemon.checking import Checking
from gateway.supportfile import support_file

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class HealthVerbs:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._checking = Checking(daemon)
        self.close = self._checking.close

    def table(self) -> Mapping[str, Verb]:
        return {"health": self.health, "support": self.support}

    def health(self, request: Request) -> Mapping[str, object]:
        self._checking.look(again=request.values.get("again") is True)
        vitals = self._daemon.vitals
        return {
            "now": self._daemon.local_now(),
            "version": __version__,
            "check": self._check() | {"findings": self._checking.findings, "problem": self._checking.problem},
            "figures": vitals.figures(),
            "samples": vitals.told_samples(),
            "log": vitals.told_log(whole=True),
        }

    def support(self, _request: Request) -> Mapping[str, object]:
        self._checking.look()
        vitals = self._daemon.vitals
        return support_file(
            self._daemon.local_now(),
            self._checking.findings,
            check=self._check(),
            figures=vitals.figures(),
            samples=vitals.told_samples(),
            log=vitals.told_log(whole=False),
        )

    def _check(self) -> dict[str, object]:
        return {"running": self._checking.running, "ended": self._checking.ended}
