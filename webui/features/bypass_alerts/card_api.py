"""API operations for cards. A card reports that a device has used a bypass method."""

from __future__ import annotations

from gateway.control.contract.bypass_alerts import BYPASS_CARDS, DISMISS_CARD, BypassCards
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("devices")


@noun.declare("GET", "/cards", answer=BypassCards)
def cards(me: Caller) -> object:
    """List the alerts (cards) about devices that have used a bypass method.

    Those that a guardian has dismissed are left out.
    """
    return me.ask(BYPASS_CARDS)


@noun.declare("POST", "/cards/{mac}/{way}/dismiss")
def dismiss(me: Caller, mac: str, way: str) -> object:
    """Dismiss the card (alert) about a bypass method that a device has used. The method stays blocked."""
    return me.change(DISMISS_CARD, device=mac, way=way)


@noun.declare("POST", "/cards/{mac}/{way}/restore")
def restore(me: Caller, mac: str, way: str) -> object:
    """Show the dismissed card (alert) about a bypass method of a device again."""
    return me.change(DISMISS_CARD, device=mac, way=way, back=True)
