"""Wraps the agreement between a child and its parents for the pages."""

from __future__ import annotations

from gateway.control.contract.growing import AgreementStatus


class AgreementView:
    def __init__(self, status: AgreementStatus) -> None:
        self.status = status

    @property
    def is_empty(self) -> bool:
        return self.status.state == "none" and self.status.waits is None

    def asks(self, side: str) -> bool:
        """Return whether this side, `child` or `guardian`, can agree to the rules now.

        Not if both have agreed, or if this side has and waits for the other one.
        """
        waits = self.status.waits
        return self.status.state != "agreed" and (waits is None or waits.side != side)
