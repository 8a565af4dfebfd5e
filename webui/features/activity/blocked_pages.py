"""The page of a blocked plain-HTTP request: why it is blocked, who decided, until when, and help.

The name in the address is untrusted input. It is looked up only in the device's own last blocks, so that the
page does not reveal the content of a list.
"""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from gateway.control.contract.requests import RequestView
from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.features.activity.block_text import BlockView, blocks_of
from webui.features.lists.registers_pages import all_registers
from webui.features.lists.registers_text import RegisterView
from webui.features.requests.requests_text import waiting_for
from webui.features.status.home_text import Here, HomeView
from webui.language.levels import level_of
from webui.request_checks import host_name

blueprint = Blueprint("refused", __name__)

NEW = "quarantine"
REGISTER = "register"
EVERYONE = "refused_for_everyone"  # one page for all of them, whatever the address: nothing is looked up
# These are not about content: a time rule applies, or the device needs an owner. The operating system's
# check for a sign-in page needs status 200.
INFORMS = frozenset({"bedtime", "window", "out_of_time", "paused", "quarantined"})


@blueprint.get("/refused")
@anyone
def show() -> ResponseReturnValue:
    """Show why the requested host is blocked, from the device's own last blocks; another host is unknown.

    Query ``reason``: shows the page about what is blocked for everyone, or by states' registers. A
    device in quarantine, which waits for an owner, sees who can approve it.
    """
    home, here = daemon().home(), daemon().here(source_address())
    if request.args.get("reason") == EVERYONE:
        return _render("everyone", home, here), 403
    if here.profile == NEW:
        return _render("new", home, here)
    host = host_name(request.args.get("host", ""))
    own = blocks_of(here)
    refusal = own.of_host(host)
    if (refusal.block.reason if refusal else request.args.get("reason")) == REGISTER:
        on = {register.state.country: register for register in all_registers() if register.state.on}
        if refusal or on:
            return _render("register", home, here, refusal=refusal, register=_register_of(refusal, on)), 403
    if refusal is None:
        return _render("unknown", home, here, shared=own.shared)
    if host and refusal.block.open:
        return _render("opened", home, here, host=host, refusal=refusal)
    child = home.child(here.profile)
    page = _render(
        "known",
        home,
        here,
        host=host,
        refusal=refusal,
        rules=daemon().rules(child.id) if child else None,
        asked=_asked(here, refusal) if child else None,
    )
    return page, 200 if refusal.block.reason in INFORMS else 403


@blueprint.get("/refused/opened")
@anyone
def opened() -> ResponseReturnValue:
    """Return a page that says that a site blocked on this device is allowed now, and then opens it.

    Responds with 409 while it is blocked, or if it is not among the device's last blocks.
    """
    home, here = daemon().home(), daemon().here(source_address())
    host = host_name(request.args.get("host", ""))
    refusal = blocks_of(here).of_host(host)
    if not host or refusal is None or not refusal.block.open:
        return Response(status=409)
    return _render("opened", home, here, host=host, refusal=refusal)


def _asked(here: Here, refusal: BlockView) -> RequestView | None:
    """Return the child's pending request for the blocked site or its category; None without one."""
    return waiting_for(daemon().requests_of_device(here), refusal.site, refusal.ask_category)


def _register_of(refusal: BlockView | None, on: dict[str, RegisterView]) -> RegisterView | None:
    """Return the state's list of blocked sites (register) that caused the block; None if it is unknown.

    ``on``: the registers that are turned on, by country. ``refusal``: None if the device's last blocks have
    no such block.
    """
    return on.get(refusal.block.owner.split(":")[1]) if refusal and ":" in refusal.block.owner else None


def _render(variant: str, home: HomeView, here: Here, **values: object) -> str:
    child = home.child(here.profile)
    level = level_of(child.band).value if child else ""
    return render_template(
        "refused.html",
        variant=variant,
        home=home,
        here=here,
        child=child,
        level=level,
        help_lines=daemon().help_lines(),
        **values,
    )
