"""The pages' client of the control socket: one short call for each request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, overload

from flask import Flask, current_app, request

from gateway.control.client import Client
from gateway.control.contract.requests import REQUESTS, RequestView
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from webui.helplines import packaged
from webui.language import i18n
from webui.rules.catalogue import Catalogue, parse_catalogue
from webui.rules.childs import Rules, parse_rules
from webui.rules.ruleset import Preview, Ruleset, parse_preview, parse_ruleset
from webui.values.answers import (
    HelpLine,
    Here,
    Home,
    parse_help_lines,
    parse_here,
    parse_home,
)
from webui.values.country import Country, parse_country
from webui.values.family import Family, parse_family
from webui.values.health import Health, parse_health
from webui.values.history import Change, parse_changes

ResponseT = TypeVar("ResponseT")


class Daemon:
    """Sends requests; has help lines while the daemon does not respond.

    ``country``: their default country.
    """

    def __init__(self, client: Client, country: str) -> None:
        self._country = country
        self._help_lines: Mapping[str, Any] = {}  # as received: each page formats them in its language
        self.client = client

    def home(self) -> Home:
        home = parse_home(self.client.call("status"))
        i18n.set_family_language(home.language)
        return home

    def here(self, ip: str) -> Here:
        return parse_here(self.client.call("device", ip=ip))

    def rules(self, profile: str) -> Rules:
        return parse_rules(self.client.call("profile", id=profile))

    def help_lines(self) -> tuple[HelpLine, ...]:
        """Return the last known help lines if the daemon does not respond, or else the package's."""
        try:
            self._help_lines = self.client.call("helplines")
        except ControlError:
            self._help_lines = self._help_lines or packaged(self._country)
        return parse_help_lines(self._help_lines)

    def rights(self) -> tuple[HelpLine, ...]:
        """Return the country's bodies that take complaints, like help lines whether or not the daemon
        responds.
        """
        self.help_lines()
        return parse_help_lines(self._help_lines, "rights")

    @overload
    def change(self, verb: Verb[Any, ResponseT], *, by: str, origin: str, **values: object) -> ResponseT: ...
    @overload
    def change(self, verb: str, *, by: str, origin: str, **values: object) -> dict[str, Any]: ...
    def change(self, verb: Verb[Any, Any] | str, *, by: str, origin: str, **values: object) -> Any:
        """Send a guardian's change, recorded with its author and origin."""
        values |= {"by": by, "origin": origin}
        return self.client.call(verb, **values) if isinstance(verb, str) else self.client.ask(verb, **values)

    def ruleset(self, profile: str) -> Ruleset:
        """Return a child's rules and its band's, for editing."""
        return parse_ruleset(self.client.call("rules", id=profile))

    def family(self) -> Family:
        """Return the family's settings of qalqan.yaml."""
        return parse_family(self.client.call("family"))

    def country(self) -> Country:
        """Return the country's ratings and legal rules, and the children each rule is on for."""
        return parse_country(self.client.call("country"))

    def catalogue(self) -> Catalogue:
        return parse_catalogue(self.client.call("catalogue"))

    def preview(self, profile: str, host: str, at: str, changes: dict[str, Any]) -> Preview:
        """Preview the decision about ``host`` at ``at`` in the home's time, with ``changes``."""
        values: dict[str, object] = {"set": changes} if changes else {}
        return parse_preview(self.client.call("preview", id=profile, host=host, at=at, **values))

    def changes(self) -> tuple[Change, ...]:
        """Return guardians' changes of today."""
        return parse_changes(self.client.call("changes"))

    def changes_of_child(self, profile: str) -> tuple[Change, ...]:
        """Return the changes of a child's rules, for a guardian."""
        return parse_changes(self.client.call("own_changes", id=profile))

    def changes_of_device(self, here: Here) -> tuple[Change, ...]:
        """Return the last changes of the rules of this device's child."""
        return parse_changes(self.client.call("own_changes", device=here.mac))

    def health(self, *, again: bool = False) -> Health:
        """Return the gateway's health. ``again``: run the checks again, unless they have just run."""
        return parse_health(self.client.call("health", **({"again": True} if again else {})))

    def support(self) -> dict[str, Any]:
        """Return the gateway's health without personal data."""
        return self.client.call("support")

    # For a child's own device.

    def sharing(self, do: str, **values: object) -> dict[str, Any]:
        """Change the user of a shared device or a screen, or the child's PIN."""
        return self.client.call(do, **values)

    def requests_of_device(self, here: Here) -> tuple[RequestView, ...]:
        """Return the requests of the child that the pages show on this device."""
        found = self.client.ask(REQUESTS, device=here.mac).requests
        return tuple(request for request in found if request.profile == here.profile)


def install(app: Flask, daemon: Daemon) -> None:
    app.extensions["qalqan"] = daemon


def daemon() -> Daemon:
    found = current_app.extensions["qalqan"]
    assert isinstance(found, Daemon)
    return found


def source_address() -> str:
    """Return the address of the device that asks as the daemon knows it: without scope, IPv4 not mapped to
    IPv6.
    """
    address = (request.remote_addr or "").partition("%")[0]
    return address.removeprefix("::ffff:") if "." in address else address
