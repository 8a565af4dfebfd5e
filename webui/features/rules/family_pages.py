"""Pages of the home's settings: country, time zone, default rules, switching the filter off for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.rules import COUNTRY, EDIT_FAMILY, FAMILY, UNEDIT_FAMILY, FamilySettings
from gateway.control.contract.time import OFF, ON
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui import notices
from webui.accounts.proofs import proven
from webui.accounts.session import author, guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.lists.registers_pages import all_registers
from webui.features.rules.family_text import CHOICE_SETTINGS, new_device_choices
from webui.features.status.home_text import HomeView
from webui.first_run import NEW_DEVICE_CHOICES
from webui.forms import NUMBER_LIMIT, back, one_of, revisions, whole
from webui.front import trusted
from webui.language import zones
from webui.language.countries import countries
from webui.language.i18n import OWN_NAMES
from webui.language.i18n import gettext as _
from webui.language.walletwords import not_asked
from webui.language.words import clock, day_of, plain
from webui.rules.editing import FormProblem, problem_of
from webui.rules.laws import named, standing
from webui.settings import OWN_NAME
from webui.wallet import why_not

blueprint = Blueprint("family", __name__, url_prefix="/parent/settings")

OFF_MINUTES = (30, 60, 120)
MORNING = 7  # hour at which `until tomorrow morning` ends
TOMORROW = "morning"
AS_ELSEWHERE = ""  # value of an interface without a default of its own
OTHER = "other"
COUNTRY_LENGTH = 2

Show = Callable[[HomeView, FamilySettings, FormProblem | None], str]


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _show(daemon().home(), daemon().client.ask(FAMILY))


@blueprint.post("/")
@guardians_only
def save() -> ResponseReturnValue:
    home, family = daemon().home(), daemon().client.ask(FAMILY)
    changes = _changes(family, home)
    if isinstance(changes, FormProblem):
        return _show(home, family, changes), 422
    return _change(home, family, changes, _("The settings of the home are changed."), _show)


@blueprint.get("/zone")
@guardians_only
def zone() -> ResponseReturnValue:
    return _show_zone(daemon().home(), daemon().client.ask(FAMILY))


@blueprint.post("/zone")
@guardians_only
def save_zone() -> ResponseReturnValue:
    home, family = daemon().home(), daemon().client.ask(FAMILY)
    name = request.form.get("timezone", "")
    if not zones.is_known(name):
        abort(400)
    changes = {} if name == family.timezone else {"timezone": name}
    sentence = _("The home is in the time zone of %(place)s now.", place=zones.zone(name, home.now).place)
    return _change(home, family, changes, sentence, _show_zone)


@blueprint.post("/undo")
@guardians_only
def undo() -> ResponseReturnValue:
    """Restore the settings of the home to their state before the last change, and redirect.

    Redirects to the page that the form was on.
    """
    with notices.refusals_to(notices.said):
        there = revisions("was")
        daemon().change(UNEDIT_FAMILY, **author() | there)
        notices.said(_("The settings are back as they were."))
    return redirect(back(url_for("family.show")), 303)


@blueprint.post("/off")
@guardians_only
@proven
def turn_off() -> ResponseReturnValue:
    """Switch off time rules and categories for every person, and redirect to the settings.

    Form field ``for``: the minutes (30, 60 or 120), or ``morning``: until 07:00 (`_morning`).
    """
    chosen = one_of("for", {TOMORROW, *(str(minutes) for minutes in OFF_MINUTES)})
    if chosen == TOMORROW:
        minutes = _to_morning(zones.local(daemon().home().now, daemon().client.ask(FAMILY).timezone))
    else:
        minutes = int(chosen)
    with notices.refusals_to(notices.said):
        daemon().change(OFF, minutes=minutes, **author())
        notices.forget()  # the notice on every page shows it
    return redirect(url_for("family.show"), 303)


@blueprint.post("/on")
@guardians_only
def turn_on() -> ResponseReturnValue:
    daemon().change(ON, by=guardian() or "", origin=source_address())
    notices.said(_("All rules apply again."))
    return redirect(url_for("family.show"), 303)


def _morning(now: datetime) -> datetime:
    """Return 07:00 of this day if it is before 04:00 ``now``, else of the next day.

    ``now``: in the time zone of the home, for a night in which the clock changes.
    """
    today = now.replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)
    return today if now.hour < MORNING - 3 else today + timedelta(days=1)


def _to_morning(now: datetime) -> int:
    left = _morning(now).astimezone(UTC) - now.astimezone(UTC)  # elapsed time, also if the clock changes
    return max(1, -(-left // timedelta(minutes=1)))


def _changes(family: FamilySettings, home: HomeView) -> dict[str, Any] | FormProblem:
    """Return the settings of the home that the form changes, by key; a FormProblem for an invalid country.

    None restores the default. A choice that the form does not offer gives 400.
    """
    country = request.form.get("country", "")
    if country == OTHER:
        country = request.form.get("country-code", "").strip().lower()
        if not (len(country) == COUNTRY_LENGTH and country.isascii() and country.isalpha()):
            return FormProblem(_("Write the two letters of the country, such as uz."), "country")
    elif country not in {"", family.country, *countries()}:
        abort(400)
    people = {child.id for child in home.children}
    allowed = {family.unknown_devices, *NEW_DEVICE_CHOICES, *people}
    wanted: dict[str, Any] = {
        "language": one_of("language", {"", *OWN_NAMES}),
        "country": country,
        "unknown_devices": one_of("unknown_devices", allowed),
    }
    wanted |= {key: one_of(key, setting.choices()) for key, setting in CHOICE_SETTINGS.items()}
    changes = {key: value or None for key, value in wanted.items() if value != getattr(family, key)}
    for name in family.lan if len(family.lan) > 1 else ():
        held = family.interfaces.get(name, AS_ELSEWHERE)
        chosen = one_of(f"interface-{name}", {AS_ELSEWHERE, held, *allowed})
        if chosen != held:
            changes[f"interfaces/{name}"] = chosen or None
    return changes


def _change(
    home: HomeView, family: FamilySettings, changes: Mapping[str, Any], sentence: str, show: Show
) -> ResponseReturnValue:
    """Send changes of the home's settings to the daemon, and redirect to the page of the settings.

    After an error, show the form with the entered values and a message: 409 if the settings have changed
    meanwhile, else 422. ``sentence``: the notice of success. ``show``: renders the form.
    """
    if not changes:
        notices.said(_("Nothing was changed."))
        return redirect(url_for("family.show"), 303)
    try:
        done = daemon().change(
            EDIT_FAMILY,
            revision=whole("revision", 0, NUMBER_LIMIT),
            set=dict(changes),
            **author(),
        )
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.PROOF_NEEDED:
            raise
        if error.code == Code.CHANGED_MEANWHILE:
            text = _(
                "These settings have changed in the meantime. You see the current ones, and what you "
                "typed is kept."
            )
            return show(home, daemon().client.ask(FAMILY), FormProblem(text)), 409
        return show(home, family, problem_of(error)), 422
    if family.by_hand:
        sentence = f"{sentence} {_('The notes are removed. The gateway keeps a copy.')}"
    notices.edited_home(done, sentence)
    return redirect(url_for("family.show"), 303)


def _show(home: HomeView, family: FamilySettings, problem: FormProblem | None = None) -> str:
    known = countries()
    if family.country and family.country not in known:
        known = {family.country: family.country.upper(), **known}
    sent = request.form
    now = zones.local(home.now, family.timezone)
    return render_template(
        "family.html",
        **_common(home, family, problem),
        countries=known,
        own_names=OWN_NAMES,
        new_device_choices=new_device_choices(),
        people={child.id: plain(child.name) for child in home.children},
        choice_settings=CHOICE_SETTINGS,
        zone=zones.zone(family.timezone, home.now),
        chosen=lambda key, held: sent.get(key, held),
        off_minutes=OFF_MINUTES,
        tomorrow=clock(_morning(now), now),
        addresses=_addresses(),
        laws=tuple(map(named, daemon().client.ask(COUNTRY).laws)),
        registers=all_registers(),
        standing=standing,
        trusted=trusted(),
        certificate_end=_end(home.now),
        wallet_problem=not_asked(why_not()),
    )


def _show_zone(home: HomeView, family: FamilySettings, problem: FormProblem | None = None) -> str:
    region = request.args.get("region", zones.region_of(family.timezone))
    if region not in zones.REGIONS:
        abort(404)
    return render_template(
        "family_zone.html",
        **_common(home, family, problem),
        region=region,
        regions=zones.regions(),
        zones=zones.zones(region, home.now),
        zone=zones.zone(family.timezone, home.now),
    )


def _common(home: HomeView, family: FamilySettings, problem: FormProblem | None) -> dict[str, object]:
    return {
        "home": home,
        "family": family,
        "problem": problem,
        "guardian": guardian(),
        "notice": notices.current(home),
    }


def _end(now: datetime) -> str:
    """Return the expiry date of the trusted name's certificate; empty without a valid one."""
    until = trusted().until
    return "" if until is None else day_of(until.astimezone(now.tzinfo).date(), now.date())


def _addresses() -> dict[str, str]:
    """Return addresses of the pages: by Qalqan's name, as in this browser, and that of the child's page."""
    named = f"http://{OWN_NAME}"
    return {"named": named, "here": request.host_url.rstrip("/"), "child": f"{named}{url_for('child.show')}"}
