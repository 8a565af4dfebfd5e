"""The child's page, for the child of the requesting device. It needs no sign-in and shows no other person."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.age.bands import AgeBand
from gateway.control.contract.bypass_alerts import BYPASS_CARDS
from gateway.control.contract.rules import OWN_CHANGES, FamilyChange
from webui import charts, notices
from webui.accounts.session import anyone
from webui.charts import qr
from webui.daemon import daemon, source_address
from webui.features.activity.block_text import blocks_of
from webui.features.bypass_alerts.card_text import CardsView
from webui.features.growing.self_set_text import describe_all
from webui.features.requests.requests_text import to_show, waiting_for, waiting_time
from webui.features.status.home_text import ChildView, Here, HomeView
from webui.features.status.minutes_text import first_to_close, warning
from webui.front import trusted, why_untrusted
from webui.language.i18n import gettext as _
from webui.language.levels import level_of
from webui.language.words import who
from webui.rules.edited import RuleLine, SentenceNames, lines
from webui.rules.steps import step_in_few_words, step_sentence
from webui.settings import OWN_NAME

blueprint = Blueprint("child", __name__)

ADDRESS = f"http://{OWN_NAME}"
KNOWN_BANDS = frozenset(band.value for band in AgeBand)


@blueprint.get("/my")
@anyone
def show() -> ResponseReturnValue:
    """Show the child of the requesting device what is allowed now, for how long, and what is blocked and why.

    Also what is stored, and help lines. Another device is redirected to the start page.
    """
    return _render("child.html", whole=True)


@blueprint.get("/my/now")
@anyone
def now() -> ResponseReturnValue:
    """Return the changing part of the child's page as an HTML fragment, for the script that updates it."""
    return _render("child/{level}.html", whole=False)


@blueprint.get("/why")
@anyone
def why() -> ResponseReturnValue:
    """Show the last ten blocks on this device within ten minutes, with their reasons.

    The daemon stores them in memory only.
    """
    here = daemon().here(source_address())
    home = daemon().home()
    child = home.child(here.profile)
    return render_template(
        "why.html",
        home=home,
        child=child,
        refusals=blocks_of(here),
        asked=daemon().requests_of_device(here) if child else (),
        waiting_for=waiting_for,
        here=here,
        level=level_of(child.band).value if child else "",
        help_lines=daemon().help_lines(),
    )


def _render(template: str, *, whole: bool) -> ResponseReturnValue:
    here = daemon().here(source_address())
    home = daemon().home()
    child = home.child(here.profile)
    if child is None:
        return redirect(url_for("door.arrive"), 303)
    asked = daemon().requests_of_device(here)
    state = here.now or child.now
    level = level_of(child.band)
    rules, next_step = daemon().rules(child.id), child.status.next_step or ""
    # At the trusted name the browser can install the page as an app; elsewhere it is a bookmark.
    address = f"{ADDRESS if why_untrusted() else trusted().origin}{url_for('child.show')}"
    return render_template(
        template.format(level=level),
        level=level.value,
        home=home,
        child=child,
        state=state,
        here=here,
        time=here.time,
        dial=first_to_close(here.time),
        near=warning(here.time) if state.open else None,
        landing_due=here.time.landing_due,
        used_on=_used_on(here, child),
        asked=to_show(asked, home.now),
        asked_for=partial(waiting_for, asked),
        way_cards=CardsView(daemon().client.ask(BYPASS_CARDS, device=here.mac)).found,
        time_asked=waiting_time(asked),
        message=notices.child_notice() if whole else "",
        changes=_changes(here, home) if whole else (),
        who=who,
        ring=charts.ring,
        rules=rules,
        own_times=() if rules.self_set is None else describe_all(rules.self_set, home.now),
        own_step=home.step_of(child.id),
        step=step_sentence(next_step, child.band),
        step_brief=step_in_few_words(next_step),
        help_lines=daemon().help_lines(),
        own_address=address,
        own_code=qr.svg(address, _("QR code of %(address)s", address=address)) if whole else "",
        bracket=AgeBand(child.band).bracket if child.band in KNOWN_BANDS else "",
    )


def _changes(here: Here, home: HomeView) -> list[tuple[FamilyChange, tuple[RuleLine, ...]]]:
    """Return the recent changes of this child's rules, each with sentences about its edits.

    Changes about other people are left out.
    """
    found = daemon().client.ask(OWN_CHANGES, device=here.mac).changes
    if not found:
        return []
    known = SentenceNames(daemon().catalogue(), {}, home.now)
    return [(change, lines(change, known)) for change in found]


def _used_on(here: Here, child: ChildView) -> dict[str, list[tuple[str, int]]]:
    """Return name and used minutes of each device, by limit; empty for a child with one device.

    Two devices may have the same name.
    """
    if len(child.devices) < 2:
        return {}
    return {
        used.target: [(child.device_name(device.mac), device.minutes) for device in used.devices]
        for used in here.status.used
    }
