"""Asks for password or passkey before a dangerous change, if the last proof is older than ten minutes.

Verbs declare which changes these are (`gateway/control/contract`), and the daemon refuses them without a
proof. The decorators here only ask before a view has computed or stored something for such a change.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeAlias

from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from webui.accounts import passkeys, passwords, session, tries
from webui.accounts.tries import TooManyTriesError
from webui.language import refusals

P = ParamSpec("P")
View: TypeAlias = Callable[P, ResponseReturnValue]

FIELD = "proof"  # of the form: the password, or a code if the account has none
CODE_LIMIT = 40  # characters


def proven_when(needed: Callable[[], bool]) -> Callable[[View[P]], View[P]]:
    """Return a decorator for a form's view that needs the password again if it is a dangerous change.

    ``needed``: returns whether this request is a dangerous change. The view runs if it is not, if a password,
    code or passkey of the session was checked in the last ten minutes (also by the sign-in), or if the
    account has neither a password nor a second factor. Otherwise the response asks for the password. That
    page has the form's fields and sends them again, so that the user types nothing twice.
    """

    def declare(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            me = session.signed_in()
            if me.proof or not needed():
                return view(*args, **kwargs)
            answer = _asked(me)
            return view(*args, **kwargs) if answer is None else answer

        return checked

    return declare


def proven(view: View[P]) -> View[P]:
    """Return a form's view that runs only after a recent check of a password, code or passkey of the session.

    Recent: in the last ten minutes, also by the sign-in. Otherwise the response asks for the password, or for
    a code if the account has none. An account with neither a password nor a second factor needs no check.
    """
    return proven_when(lambda: True)(view)


def asked_by_daemon() -> ResponseReturnValue:
    """Respond to a form with a change that the daemon refused without a proof of the password.

    Return the page that asks for it, or, if the form has the right one, the repeated view's response. Some
    changes need a proof only in some states, such as those of a child's device; the daemon decides.
    """
    answer = _asked(session.signed_in())
    if answer is not None:
        return answer
    assert request.endpoint is not None
    view = current_app.ensure_sync(current_app.view_functions[request.endpoint])
    repeated: ResponseReturnValue = view(**(request.view_args or {}))
    return repeated


def _asked(me: session.Person) -> ResponseReturnValue | None:
    """Return the page that asks for the password, with its status; None if the form has the right one.

    An account without a password is asked for a code. A wrong one counts as an attempt, and the page has the
    error.
    """
    sentence, status, headers = "", 403, dict[str, str]()
    if FIELD in request.form:
        try:
            with tries.attempt(me.name):
                session.ask("prove", **_typed(me))
        except TooManyTriesError as error:
            sentence, status, headers = error.sentence, 429, {"Retry-After": str(error.seconds)}
        except Unreachable:
            raise
        except ControlError as error:
            sentence = refusals.sentence(error)
        else:
            return None
    fields = [(key, value) for key, value in request.form.items(multi=True) if key != FIELD]
    page = render_template(
        "prove.html",
        me=me,
        field=FIELD,
        fields=fields,
        target=request.path,
        sentence=sentence,
        passkey=me.passkey and not passkeys.why_not(),
    )
    return page, status, headers


def _typed(me: session.Person) -> dict[str, str | None]:
    typed = request.form.get(FIELD, "")
    if me.password:
        return {"digest": digest_of(me.name, typed) if typed else None}
    return {"otp": typed_code(typed)}


def typed_code(text: str) -> str | None:
    """Return the letters and digits of a typed code of the second factor; None if there are none."""
    code = "".join(letter for letter in text[:CODE_LIMIT] if letter.isascii() and letter.isalnum())
    return code or None


def digest_of(name: str, password: str) -> str:
    """Return the scrypt digest of a typed password, with the salt of the user ``name``.

    The daemon compares it. It is computed for every name, whether or not there is such a user. Raises
    BusyError or ControlError.
    """
    salt = session.ask("salt", name=name).salt
    return passwords.digest(password[: passwords.LONGEST + 1], salt)
