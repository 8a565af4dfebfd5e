"""A guardian's session: a signed cookie that names the guardian and the stamp it was given.

The daemon is asked each time whether the stamp still holds, so that `qalqan guardian reset` ends sessions
at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast

from flask import Flask, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.errors import ControlError
from webui.daemon import daemon, source_address

P = ParamSpec("P")
LIFE_DAYS = 90


class PortSession(SecureCookieSessionInterface):
    """Browsers share cookies between ports of one host, but several gateways may be tried on 127.0.0.1."""

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002 - Flask names it
        port = request.host.rpartition(":")[2]
        return f"qalqan-{port}" if port.isdigit() else "qalqan"


def sign_in(name: str, stamp: str) -> None:
    session.clear()
    session.permanent = True
    session["guardian"], session["stamp"] = name, stamp
    handed = daemon().handed(source_address())
    if handed.who:  # who proves to be a guardian on a device that was handed over takes it back
        daemon().change("take_back", device=handed.mac, by=name, origin=source_address())


def sign_out() -> None:
    session.clear()


def guardian() -> str | None:
    """The name of the guardian who asks; None when nobody is signed in. Raises Unreachable."""
    if "guardian" in g:
        return cast("str | None", g.guardian)
    name, stamp = session.get("guardian"), session.get("stamp")
    g.guardian = None
    if isinstance(name, str) and isinstance(stamp, str):
        try:
            daemon().client.call("guardian", action="check", name=name, stamp=stamp)
            # A child holds a device that is handed over: whatever its browsers kept, nobody is signed in.
            g.guardian = None if daemon().handed(source_address()).who else name
        except Unreachable:
            del g.guardian
            raise
        except ControlError:
            sign_out()
    return cast("str | None", g.guardian)


def guardians_only(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if guardian() is None:
            return redirect(url_for("door.sign_in"), 303)
        return view(*args, **kwargs)

    return checked
