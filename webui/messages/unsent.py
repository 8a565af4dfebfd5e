"""The error of a notification that was not sent, and its reasons."""

from __future__ import annotations

from enum import StrEnum

from gateway.core.errors import GatewayError


class SendFailure(StrEnum):
    ADDRESS = "address"
    NOT_OUTSIDE = "not_outside"
    NOT_INSIDE = "not_inside"
    SLOW = "slow"
    NO_NAME = "no_name"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    CREDENTIALS = "credentials"  # a service does not know the password, key or recipient
    JUST_NOW = "just_now"
    GONE = "gone"  # the browser has ended its subscription
    MISSING = "missing"  # a package is not installed
    NO_KEY = "no_key"  # the home's key could not be stored


class NotSent(GatewayError):
    """A notification was not sent. The error has the reason, but not the secret address."""

    def __init__(self, why: SendFailure, status: int = 0) -> None:
        super().__init__(f"{why} {status}" if status else why.value)
        self.why, self.status = why, status

    @property
    def final(self) -> bool:
        """Whether a retry is pointless, such as for an invalid address or a rejected message."""
        if self.why is SendFailure.REFUSED:
            return self.status < 500 and self.status not in (408, 429)
        return self.why in (
            *(SendFailure.ADDRESS, SendFailure.NOT_OUTSIDE, SendFailure.NOT_INSIDE),
            *(SendFailure.GONE, SendFailure.MISSING, SendFailure.NO_KEY, SendFailure.CREDENTIALS),
        )
