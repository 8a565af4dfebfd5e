"""Applies one change of a child's rules: sends it to the daemon, and stores an undo or shows the error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from gateway.age.bands import AgeBand
from gateway.control.client import Unreachable
from gateway.control.contract.rules import EDIT, WHY, Explanation
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui import notices
from webui.accounts import proofs
from webui.accounts.session import author, guardian
from webui.child_lookup import child_of
from webui.daemon import daemon
from webui.features.status.home_text import ChildView, HomeView
from webui.forms import NUMBER_LIMIT, reason, whole
from webui.language import refusals, telling
from webui.language.i18n import gettext as _
from webui.rules import typed
from webui.rules.catalogue import CatalogueIndex
from webui.rules.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Page:
    """What every page about one child's rules shows: the home, the child, its rules and the catalogue."""

    home: HomeView
    child: ChildView
    book: Ruleset
    names: CatalogueIndex


@dataclass(frozen=True, slots=True)
class FormProblem:
    sentence: str
    key: str = ""  # of the field's rule; empty: the form as a whole

    def at(self, key: str) -> bool:
        """Return whether the problem is about the rule with this key, or about a part of it.

        ``windows.service:roblox.school[1]`` is a part of ``windows.service:roblox``.
        """
        return bool(self.key) and (self.key == key or self.key.startswith((f"{key}.", f"{key}/", f"{key}[")))


@dataclass(frozen=True, slots=True)
class FormResult:
    """What a form shows when it is displayed again: an error, or a preview of its effect on a site."""

    problem: FormProblem | None = None
    tried: Explanation | None = None


NOTHING = FormResult()
_KEPT = "because"  # in the cookie: the child and the reason
Show = Callable[[Page, FormResult], str]


def opened(profile: str) -> Page:
    """Return the child's rules with what their pages show. ``profile``: the child's id in the address.

    The response is a redirect to Home for a person who is an adult now, and 404 if there is no such person.
    """
    home = daemon().home()
    redirect_adult(home, profile)
    child = child_of(home, profile)
    try:
        return Page(home, child, daemon().ruleset(child.id), daemon().catalogue())
    except ControlError as error:
        if error.code == Code.NO_PROFILE:
            abort(404)
        raise


def redirect_adult(home: HomeView, profile: str) -> None:
    """Make the response a redirect to Home if the profile is of an adult, whose rules have no page.

    This happens when a form that makes a child an adult is sent twice. Do nothing for a child, or if there is
    no such profile. Raises Unreachable.
    """
    if home.child(profile) is not None:
        return
    try:
        daemon().ruleset(profile)
    except Unreachable:
        raise
    except ControlError:
        return  # no profile with a file
    abort(redirect(url_for("home.show"), 303))


def rules_or_home(child: str, band: object) -> str:
    """Return the address of a child's rules; of Home if the age group ``band`` makes the child an adult."""
    return url_for("home.show") if band == AgeBand.ADULT.value else url_for("rules.show", profile=child)


def render(template: str, page: Page, outcome: FormResult = NOTHING, **values: object) -> str:
    return render_template(
        template,
        home=page.home,
        child=page.child,
        book=page.book,
        names=page.names,
        problem=outcome.problem,
        tried=outcome.tried,
        guardian=guardian(),
        notice=notices.current(page.home),
        why=_stored_reason(page.child),
        **values,
    )


def chosen_target(profile: str, kind: str, link: str, fits: str) -> ResponseReturnValue:
    """Return the page that lists what a new limit or schedule can be about: services, categories, groups.

    Redirect to the form if the query's ``of`` names one. ``kind``: limit or schedule, for the template.
    ``link``: the endpoint of the form. ``fits``: the page's title.
    """
    page, target = opened(profile), request.args.get("of", "")
    if page.names.knows(target):
        return redirect(url_for(link, profile=page.child.id, target=target), 303)
    return render("child_targets.html", page, kind=kind, fits=fits, link=link)


def change(
    page: Page, changes: Mapping[str, Any], sentence: str, back: str, show: Show
) -> ResponseReturnValue:
    """Apply the changes to the child's rules and redirect to ``back``.

    After an error, return the form (``show``) with the error and the entered values: status 409 if the rules
    have changed in the meantime, else 422. If the daemon asks for a confirmation, return that page. If the
    user asked for a preview, nothing is applied. ``sentence``: the notice after success. Raises ControlError
    if the daemon does not respond or asks for the password again.
    """
    if request.form.get("do") == "try":
        return _tried(page, changes, show)
    try:
        write(page, changes, sentence)
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.PROOF_NEEDED:
            raise
        if error.code == Code.CONFIRM_NEEDED:
            return confirmation(page, error, back)
        if error.code == Code.CHANGED_MEANWHILE:
            page = opened(page.child.id)
            text = _(
                "These rules have changed in the meantime. You see the current ones, and what you "
                "typed is kept."
            )
            return show(page, FormResult(FormProblem(text))), 409
        return show(page, FormResult(problem_of(error))), 422
    return redirect(back, 303)


def write(page: Page, changes: Mapping[str, Any], sentence: str) -> None:
    """Send the changes to the daemon, and store ``sentence`` as the notice for the next page, with an undo.

    Without changes nothing is sent. If nothing was changed, the notice says so. Raises ControlError. Reads
    ``revision``, ``because`` and ``confirmed`` from the form; an invalid ``revision`` makes the response 400.
    """
    if not changes:
        notices.said(_("Nothing was changed."))
        return
    done = daemon().change(
        EDIT,
        id=page.child.id,
        revision=whole("revision", 0, NUMBER_LIMIT),
        set=dict(changes),
        because=reason("because") or None,
        **is_confirmed(),
        **author(),
    )
    if page.book.state.by_hand:
        sentence = f"{sentence} {_('The notes are removed. The gateway keeps a copy.')}"
    notices.edited(page.child.id, done, sentence)


def is_confirmed() -> dict[str, Any]:
    """Return ``{"confirmed": True}`` if the parent has confirmed the form (`confirmation`), else ``{}``."""
    return {"confirmed": True} if request.form.get("confirmed") else {}


def at_once(page: Page, changes: Mapping[str, Any], sentence: str, back: str) -> ResponseReturnValue:
    """Send a change made with one tap to the daemon, and redirect to ``back``. A refusal is shown there.

    If the daemon asks for a confirmation, return that page instead. ``sentence``: what the next page says,
    with an undo, once the change is made. Raises ControlError if the daemon does not respond or asks for the
    password again.
    """
    store_reason(page.child)
    with notices.refusals_to(notices.said):
        try:
            write(page, changes, sentence)
        except ControlError as error:
            if error.code != Code.CONFIRM_NEEDED:
                raise
            return confirmation(page, error, back)
    return redirect(back, 303)


def confirmation(page: Page, error: ControlError, back: str) -> str:
    """Return the page on which a parent confirms that the form opens a blocked category permanently.

    The page sends the same form again, without a typed password. ``error``: the daemon's, which names the
    categories. ``back``: the address of the form's page.
    """
    ids = str(error.values.get("categories", "")).split()
    categories = ", ".join(page.names.called(f"category:{key}") for key in ids)
    entry = str(error.values.get("entry", ""))
    left_out = ("confirmed", proofs.FIELD)
    return render(
        "confirm_rule.html",
        page,
        what=categories if entry.startswith("category:") else page.names.called(entry),
        categories="" if entry.startswith("category:") else categories,
        action=request.path,
        fields=tuple((key, value) for key, value in request.form.items(multi=True) if key not in left_out),
        back=back,
    )


def store_reason(child: ChildView) -> None:
    """Store the reason that the user typed in the cookie, for the next form about this child's rules.

    Several switches can then share one reason. Does nothing without a reason.
    """
    if because := reason("because"):
        cookie[_KEPT] = [child.id, because]


def _stored_reason(child: ChildView) -> str:
    """Return the typed reason that the cookie has for this child, and remove it; empty without one.

    It is shown once: a user who leaves the page and returns has other reasons.
    """
    kept = cookie.pop(_KEPT, None)
    return str(kept[1]) if isinstance(kept, list) and kept[:1] == [child.id] and kept[1:] else ""


def refused(page: Page, problem: FormProblem, show: Show) -> ResponseReturnValue:
    """Return the form (``show``) with a problem of its input, and status 422.

    Nothing is sent to the daemon.
    """
    return show(page, FormResult(problem)), 422


def problem_of(error: ControlError) -> FormProblem:
    at = str(error.values.get("key", "")) if error.code == Code.BAD_RULE else ""
    return FormProblem(refusals.sentence(error), at)


def _tried(page: Page, changes: Mapping[str, Any], show: Show) -> ResponseReturnValue:
    """Return the form with a preview of what the changes do to the typed site. Nothing is applied.

    ``show`` renders the form. The status is 422 if the text is no site, or the daemon reports an
    error.
    """
    try:
        host, at = typed.site(request.form.get("host", "")), moment(page.home)
        return show(page, FormResult(tried=previewed(page.child, host, at, changes)))
    except typed.UnknownTargetError as error:
        return refused(page, FormProblem(str(error), "host"), show)
    except Unreachable:
        raise
    except ControlError as error:
        return show(page, FormResult(problem_of(error))), 422


def previewed(child: ChildView, host: str, at: str, changes: Mapping[str, Any]) -> Explanation:
    """Return the daemon's explanation of what it would decide about ``host`` with the unsaved ``changes``.

    ``at``: ISO date and time in the home's time zone, never empty (see `moment`). Raises
    ControlError.
    """
    values: dict[str, object] = {"set": dict(changes)} if changes else {}
    return telling.explained(daemon().client.ask(WHY, profile=child.id, host=host, at=at, **values))


def without_www(child: ChildView, entry: str) -> str:
    """Return the entry of a rule for a typed entry: of a site, without ``www.``; others unchanged.

    ``www.`` stays if the rest is a public suffix, which only the daemon knows. Raises ControlError.
    """
    if not entry.startswith("www."):
        return entry
    return daemon().client.ask(WHY, profile=child.id, host=entry).site or entry


def moment(home: HomeView) -> str:
    """Return the day and time in the form as ISO text in the home's time zone. Empty fields are now.

    Other text is not checked.
    """
    day, time = (request.values.get(key, "")[:10] for key in ("day", "time"))
    day = day or home.now.date().isoformat()
    time = time or f"{home.now:%H:%M}"
    return f"{day}T{time}"
