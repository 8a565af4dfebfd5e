"""Sends a message to a guardian's channel: by ntfy in this process, by Apprise in one of its own."""

from __future__ import annotations

from gateway.core.optional_packages import is_installed
from gateway.policy.alerts.channels import is_ntfy
from webui.messages import sender_process

APPRISE = "gateway.web.apprise_message"


def has_services() -> bool:
    """Return whether the optional package Apprise, which sends to other services than ntfy, is installed."""
    return is_installed("apprise")


def send(address: str, text: str, *, title: str, click: str, inside: bool = False) -> None:
    """Send a message to ``address``, an ntfy topic or an Apprise URL of another service. Raises: NotSent.

    ``click``: the address that a tap opens; services other than ntfy show it below the text. ``inside``: the
    server is in the home, not on the internet.
    """
    if not is_ntfy(address):
        request = {"do": "send", "address": address, "inside": inside, "title": title}
        sender_process.run(APPRISE, {**request, "text": f"{text}\n{click}"})
        return
    from webui.messages import ntfy  # HTTP and TLS take 5 MB, which only homes with notifications need

    ntfy.send(address, text, title=title, click=click, inside=inside)


def check_service(address: str, title: str) -> None:
    """Check an address of a service other than ntfy, without a connection.

    Raises: NotSent if it is invalid, or the check fails.
    """
    sender_process.run(APPRISE, {"do": "check", "address": address, "title": title})
