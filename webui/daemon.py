"""The pages' client of the daemon's control socket. Each call is one short connection."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request

from gateway.control.client import Client
from gateway.control.contract.profile import PROFILE
from gateway.control.contract.requests import REQUESTS, RequestView
from gateway.control.contract.rules import CATALOGUE, HELP_LINES, RULES, HelpLineEntry, HelpLines
from gateway.control.contract.status import DEVICE, STATUS
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from webui.features.status.home_text import Here, HomeView
from webui.features.status.own_rules_text import OwnRules
from webui.helplines import NO_LINES, in_readers_language, packaged
from webui.language import i18n
from webui.rules.catalogue import CatalogueIndex, catalogue_of
from webui.rules.ruleset import Ruleset

ResponseT = TypeVar("ResponseT")
READS = ("GET", "HEAD")


class DaemonClient:
    """Sends the pages' requests to the daemon, and stores the last help lines for when it does not respond.

    ``country``: its packaged help lines are used until the daemon has sent some.
    """

    def __init__(self, client: Client, country: str) -> None:
        self._country = country
        self._help_lines = NO_LINES  # as received
        self.client = client

    def home(self, **requester: str | None) -> HomeView:
        """Return the state of the home, from the daemon or as received earlier in this request.

        ``requester``: session token, address and device, from a page's access check; the session's account is
        requested too. The view of that page then gets the same answer; a view of a form gets it once, since
        the form may change the home. Raises ControlError.
        """
        if not requester and "home" in g:
            return cast("HomeView", g.home if request.method in READS else g.pop("home"))
        status = self.client.ask(STATUS, **requester)
        i18n.set_family_language(status.language)
        home = HomeView(status)
        if requester:
            g.home = home
        return home

    def here(self, ip: str) -> Here:
        return Here(self.client.ask(DEVICE, ip=ip))

    def rules(self, profile: str) -> OwnRules:
        return OwnRules(self.client.ask(PROFILE, id=profile))

    def help_lines(self) -> tuple[HelpLineEntry, ...]:
        """Return the country's help lines in the reader's language.

        If the daemon does not respond, these are the last that it sent, or else those of the package.
        """
        return tuple(map(in_readers_language, self._received_help_lines().lines))

    def rights(self) -> tuple[HelpLineEntry, ...]:
        """Return the authorities of the country that take complaints, in the reader's language.

        If the daemon does not respond, these are the last that it sent, or else those of the package.
        """
        return tuple(map(in_readers_language, self._received_help_lines().rights))

    def _received_help_lines(self) -> HelpLines:
        try:
            self._help_lines = self.client.ask(HELP_LINES)
        except ControlError:
            if self._help_lines is NO_LINES:
                self._help_lines = packaged(self._country)
        return self._help_lines

    def change(self, verb: Verb[Any, ResponseT], *, by: str, origin: str, **values: object) -> ResponseT:
        """Send a change to the daemon and return its response. Raises ControlError.

        ``by``: the author's name. ``origin``: the IP address of the author's device.
        """
        g.pop("home", None)
        return self.client.ask(verb, by=by, origin=origin, **values)

    def ruleset(self, profile: str) -> Ruleset:
        """Return a child's rules for editing: those of its file, of its age group, and in effect (merged).

        Raises ControlError, for instance if there is no such profile or its file cannot be read.
        """
        return Ruleset(self.client.ask(RULES, id=profile))

    def catalogue(self) -> CatalogueIndex:
        return catalogue_of(self.client.ask(CATALOGUE))

    def requests_of_device(self, here: Here) -> tuple[RequestView, ...]:
        """Return the requests (for time or a site) of the child to whom the device ``here`` belongs."""
        found = self.client.ask(REQUESTS, device=here.mac).requests
        return tuple(request for request in found if request.profile == here.profile)


def install(app: Flask, daemon: DaemonClient) -> None:
    app.extensions["qalqan"] = daemon


def daemon() -> DaemonClient:
    found = current_app.extensions["qalqan"]
    assert isinstance(found, DaemonClient)
    return found


def source_address() -> str:
    """Return the requesting device's IP address, written as the daemon writes it.

    It has no scope, and an IPv4 address is not mapped to IPv6.
    """
    address = (request.remote_addr or "").partition("%")[0]
    return address.removeprefix("::ffff:") if "." in address else address
