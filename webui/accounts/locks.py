"""Locks the private part of a child's page. A PIN opens it from ten years on, a guardian below that.

A browser stays unlocked for half an hour after the PIN, only for that child and that PIN. The signed cookie
names both, so a sibling on the same device needs another PIN, and a removed PIN unlocks nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import redirect, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from gateway.control.contract.sharing import OwnPinState
from webui.accounts import session
from webui.daemon import daemon, source_address
from webui.features.status.home_text import Here

P = ParamSpec("P")
OPEN_FOR = 30 * 60  # seconds
PARTS = 3  # the cookie has the child, the PIN's date, and the end


def unlock(who: str, pin: OwnPinState) -> None:
    cookie["own"] = [who, _stamp(pin), int(time.time()) + OPEN_FOR]


def lock() -> None:
    cookie.pop("own", None)


def is_open(here: Here) -> bool:
    """Return whether the private part of a child's pages is unlocked for the user of the device ``here``.

    The child's PIN unlocks it in this browser for half an hour; without a PIN it is locked. For a
    child that is too young for a PIN, a signed-in parent sees it. True for a device of no child.
    """
    pin = here.own.pin
    if pin is None:
        return True  # not a child's device; the page itself decides what it shows there
    if not pin.pin:
        who = session.person()
        return who is not None and who.guards
    kept = cookie.get("own")
    if pin.pin_set is None or not (isinstance(kept, list) and len(kept) == PARTS):
        return False
    who, stamp, until = kept
    left = until - time.time() if isinstance(until, int) else -1
    return who == here.profile and stamp == _stamp(pin) and 0 < left <= OPEN_FOR


def child_only(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Return the view restricted to browsers in which the child's private pages are unlocked (`is_open`).

    Others are redirected to the page on which the PIN is typed.
    """

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not is_open(daemon().here(source_address())):
            return redirect(url_for("sharing.pin"), 303)
        return view(*args, **kwargs)

    return checked


def _stamp(pin: OwnPinState) -> str:
    return "" if pin.pin_set is None else pin.pin_set.isoformat()
