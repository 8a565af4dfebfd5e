"""What only the child itself may open on its page: by its PIN from ten years on, by a guardian below that.

A browser that entered the PIN stays open for half an hour, for that child and that PIN alone: the signed
cookie names both, so that a sibling on the same device meets the lock, and a PIN that is gone opens nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import redirect, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from webui.accounts import session
from webui.daemon import daemon, source_address
from webui.values.answers import Here
from webui.values.sharing import Pin

P = ParamSpec("P")
OPEN_FOR = 30 * 60  # seconds
PARTS = 3  # of what the cookie keeps: who, since when that PIN is, until when


def unlock(who: str, pin: Pin) -> None:
    cookie["own"] = [who, _stamp(pin), int(time.time()) + OPEN_FOR]


def lock() -> None:
    cookie.pop("own", None)


def is_open(here: Here) -> bool:
    """Whether who holds this device may see what is the child's own."""
    pin = here.own.pin
    if pin is None:
        return True  # no child's device; the page itself says what it shows to those
    if not pin.pin:
        who = session.person()
        return who is not None and who.guards
    kept = cookie.get("own")
    if pin.pin_set is None or not (isinstance(kept, list) and len(kept) == PARTS):
        return False
    who, stamp, until = kept
    left = until - time.time() if isinstance(until, int) else -1
    return who == here.profile and stamp == _stamp(pin) and 0 < left <= OPEN_FOR


def own_eyes(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """A page that is the child's own. Who may not see it is asked for the PIN, and told how to get one."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not is_open(daemon().here(source_address())):
            return redirect(url_for("sharing.pin"), 303)
        return view(*args, **kwargs)

    return checked


def _stamp(pin: Pin) -> str:
    return "" if pin.pin_set is None else pin.pin_set.isoformat()
