"""A backup's plain text out of the daemon and into it, in the pieces that the protocol has room for."""

from __future__ import annotations

from typing import Any

from gateway.control.client import Client
from gateway.core.errors import ControlError


def fetch(client: Client, **who: object) -> tuple[str, list[str]]:
    """The text, and the names of files that could not be in it. ``who``: `by` and `origin`."""
    told = client.call("backup", **who)
    text, left_out = str(told["text"]), list(told["left_out"])
    while len(text) < told["size"]:
        piece = str(client.call("backup", **{"from": len(text)}, **who)["text"])
        if not piece:
            msg = "backup: the daemon stopped in the middle; try again"
            raise ControlError(msg)
        text += piece
    return text, left_out


def send(client: Client, text: str, **who: object) -> str:
    """By which it is looked at and put in place."""
    begun: dict[str, Any] = client.call("restore", action="begin", size=len(text), **who)
    token, most = str(begun["token"]), int(begun["piece"])
    for start in range(0, len(text), most):
        piece = text[start : start + most]
        client.call("restore", action="piece", token=token, text=piece, **who)
    return token
