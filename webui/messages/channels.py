"""Sends a message to a guardian's channel: by ntfy in this process, by Apprise in one of its own."""

from __future__ import annotations

from gateway.core.optional_packages import is_installed
from gateway.policy.alerts.channels import is_ntfy
from webui.messages import sender_process

APPRISE = "gateway.web.apprise_message"


def has_services() -> bool:
    """Return whether messages can go to the services of Apprise."""
    return is_installed("apprise")


def send(address: str, text: str, *, title: str, click: str, inside: bool = False) -> None:
    """Send a message. Raises: NotSent.

    ``click``: the page that a tap opens. Services show it below the text.
    """
    if not is_ntfy(address):
        request = {"do": "send", "address": address, "inside": inside, "title": title}
        sender_process.run(APPRISE, {**request, "text": f"{text}\n{click}"})
        return
    from webui.messages import ntfy  # HTTP and TLS take 5 MB, which only homes with notifications need

    ntfy.send(address, text, title=title, click=click, inside=inside)


def check_service(address: str, title: str) -> None:
    """Check the address of a service, without a connection. Raises: NotSent."""
    sender_process.run(APPRISE, {"do": "check", "address": address, "title": title})
