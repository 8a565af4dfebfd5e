"""The pages' client of the control socket: one short call for each request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar, overload

from flask import Flask, current_app, request

from gateway.control.client import Client
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from webui.helplines import packaged
from webui.language import i18n
from webui.messages.alerts import AlertBook, parse_alerts
from webui.rules.catalogue import Catalogue, parse_catalogue
from webui.rules.childs import Rules, parse_rules
from webui.rules.ruleset import Preview, Ruleset, parse_preview, parse_ruleset
from webui.values.answers import (
    HelpLine,
    Here,
    Home,
    OwnRefusals,
    parse_help_lines,
    parse_here,
    parse_home,
    parse_own_refusals,
)
from webui.values.asked import Asked, parse_asked
from webui.values.country import Country, parse_country
from webui.values.family import Family, parse_family
from webui.values.given import Given, parse_given
from webui.values.growing import Growth, parse_growth
from webui.values.health import Health, parse_health
from webui.values.history import Change, History, parse_changes, parse_history
from webui.values.ledger import Ledger, parse_ledger
from webui.values.lists import Found, Lists, parse_found, parse_lists
from webui.values.registers import Register, parse_registers
from webui.values.shapes import Answer
from webui.values.teaching import Lesson, parse_lesson
from webui.values.tickets import Batch, parse_batches
from webui.values.waycards import SHOWN as CARDS_SHOWN
from webui.values.waycards import WayCards, parse_cards

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

    def refusals_of_device(self, here: Here, limit: int = 10) -> OwnRefusals:
        if not here.mac:
            return OwnRefusals()
        return parse_own_refusals(self.client.call("refusals", device=here.mac, limit=limit))

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

    def requests(self) -> tuple[Asked, ...]:
        return parse_asked(self.client.call("requests"))

    def lists(self) -> Lists:
        return parse_lists(self.client.call("lists"))

    def list_lookup(self, host: str) -> Found:
        """Search the lists for a host. Raises: ControlError for an invalid host."""
        return parse_found(self.client.call("list_lookup", host=host))

    def registers(self) -> tuple[Register, ...]:
        """Return states' registers, on or off."""
        return parse_registers(self.client.call("registers"))

    def way_cards(self, limit: int = CARDS_SHOWN) -> WayCards:
        """Return cards about bypass methods that are not dismissed."""
        return parse_cards(self.client.call("cards", limit=limit))

    def batches(self) -> tuple[Batch, ...]:
        """Return unused codes by batch, without the codes."""
        return parse_batches(self.client.call("tickets"))

    def ruleset(self, profile: str) -> Ruleset:
        """Return a child's rules and its band's, for editing."""
        return parse_ruleset(self.client.call("rules", id=profile))

    def growth(self, profile: str) -> Growth:
        """Return a child's transition to the next band, with the rules before and after it."""
        return parse_growth(self.client.call("step", id=profile))

    def alerts(self) -> AlertBook:
        """Return each guardian's notification settings."""
        return parse_alerts(self.client.call("alerts"))

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

    def lesson(self, profile: str) -> Lesson | None:
        """Return a child's running lesson, with the names that it needed."""
        return parse_lesson(Answer(self.client.call("lesson", id=profile)))

    def ledger_of_child(self, profile: str, day: date | None = None) -> Ledger:
        return parse_ledger(self.client.call("ledger", who=profile, **_on(day)))

    def history(self, profile: str, first: date, last: date) -> History:
        """Return the activity from ``first`` to ``last``, both included."""
        span = {"from": first.isoformat(), "to": last.isoformat()}
        return parse_history(self.client.call("history", id=profile, **span))

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

    def requests_of_device(self, here: Here) -> tuple[Asked, ...]:
        found = parse_asked(self.client.call("requests", device=here.mac))
        return tuple(request for request in found if request.profile == here.profile)

    def way_cards_of_device(self, here: Here) -> WayCards:
        return parse_cards(self.client.call("cards", device=here.mac))

    def ledger_of_device(self, here: Here, day: date | None = None) -> Ledger:
        return parse_ledger(self.client.call("ledger", device=here.mac, **_on(day)))

    def ask(self, here: Here, *, origin: str, **values: object) -> dict[str, Any]:
        """Ask for time or for a site.

        Within the daily amount it is granted automatically (`state`, `sentence`).
        """
        return self.client.call("request", device=here.mac, origin=origin, **values)

    def redeem(self, here: Here, code: str, *, origin: str) -> Given:
        return parse_given(self.client.call("redeem", device=here.mac, code=code, origin=origin))

    def land(self, here: Here, *, origin: str) -> Given:
        return parse_given(self.client.call("landing", device=here.mac, origin=origin))


def _on(day: date | None) -> dict[str, str]:
    return {} if day is None else {"day": day.isoformat()}


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
