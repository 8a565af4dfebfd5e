"""``python -m gateway.web.apprise_message``: sends one message by Apprise, or checks an address, then ends.

The pages start this process for each message: Apprise takes 47 MB. Standard input and standard output are one
line of JSON each. Exit status: 0 with ``sent`` or ``failed`` (why, and ``status``: the server's code), 2 for
an invalid request.

An address decides what Apprise does: some name a program or a file. Only the services of
`gateway/policy/alerts/channels.py` are accepted. In addition, `MessageGuard` refuses programs, files and
servers while a message is sent.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.core.http_client import Inside, Outside
from gateway.core.optional_packages import MissingPackageError, require
from gateway.core.public_addresses import NotOutside, our_networks
from gateway.policy.alerts.channels import is_ntfy, service_name
from gateway.web.request_process import RequestError, serve, text_of

if TYPE_CHECKING:
    from apprise import Apprise

MOST_INPUT = 8 << 10  # bytes
MOST_LOG = 8 << 10  # characters of Apprise's messages that are searched for the reason of a failure
NICENESS = 10  # packets and pages come first
SOFTWARE = "Qalqan"  # as servers know the sender, if the brand's name is not ASCII

_PROGRAMS = frozenset({
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "ctypes.dlopen",
})  # fmt: skip
_SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# Apprise reports an HTTP status as "error=403", and smtplib's reply as "(535, b'…')".
_STATUS = re.compile(r"\berror=(\d{3})\b|\((\d{3}), b['\"]")
_REASONS = (
    (
        "no_name",
        re.compile(r"NameResolution|Name or service not known|name resolution|No address assoc", re.I),
    ),
    ("slow", re.compile(r"timed? ?out", re.IGNORECASE)),
    ("unreachable", re.compile(r"Errno|Connection|SSL", re.IGNORECASE)),
)
_CREDENTIALS = frozenset({401, 403, 404, 530, 534, 535, 538})  # codes of HTTP and of SMTP (RFC 4954 §6)


class MessageGuard:
    """A Python audit hook that blocks what a message does not need, with PermissionError.

    It allows connections to the addresses that ``way`` allows, and the reading of Python's own
    files. Programs, other files and writing are blocked. ``refused``: the reason of the first block,
    which is ``failure`` for a connection and ``address`` for all others.
    """

    def __init__(self, way: Outside, failure: str) -> None:
        self._way, self._failure = way, failure
        prefixes = (sys.prefix, sys.base_prefix, sys.pycache_prefix)
        self._readable = tuple(Path(prefix).resolve() for prefix in prefixes if prefix)
        self.refused = ""  # why something was refused; empty: nothing was

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _SENDS:
            self._check_server(args[1])
        elif event in _PROGRAMS:
            self._refuse("address", event)
        elif event == "open":
            self._check_file(args[0], args[2])

    def _check_server(self, address: object) -> None:
        if address is None:  # of a connected socket
            return
        try:
            host, port = address[:2]  # type: ignore[index]
            ip_address(host.partition("%")[0])
            self._way.addresses(host, port)
        except (NotOutside, TypeError, ValueError, AttributeError):  # also a socket of this machine
            self._refuse(self._failure, "another server")

    def _check_file(self, path: object, flags: int) -> None:
        if isinstance(path, int) or path == os.devnull:
            return
        place = Path(os.path.realpath(os.fsdecode(path)))  # type: ignore[arg-type]
        if flags & _WRITES or not any(place.is_relative_to(root) for root in self._readable):
            self._refuse("address", "a file")

    def _refuse(self, why: str, what: str) -> None:
        """Raise PermissionError, and store ``why`` in ``refused`` unless an earlier reason is there.

        Libraries treat the error like any failed connection or unreadable file.
        """
        self.refused = self.refused or why
        msg = f"a message must not reach {what}"
        raise PermissionError(msg)


class _Log(logging.Handler):
    """Collects Apprise's log messages in memory, to find out why a message failed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.text) < MOST_LOG:
            self.text += f"{record.getMessage()}\n"


def answer(request: Mapping[str, Any], *, guarded: bool = True) -> dict[str, Any]:
    """Carry out a request of the pages: check an Apprise address, or send a message to it.

    ``do`` in the request is ``check`` or ``send``. Return ``sent`` (False after a successful
    check), or ``failed`` with the reason. Raises RequestError. ``guarded``: whether `MessageGuard`
    is used, then for the rest of the process; tests that send to this machine do without.
    """
    address, title = text_of(request, "address"), text_of(request, "title")
    if is_ntfy(address) or not service_name(address):
        msg = "address: of no service that messages may go to"
        raise RequestError(msg)
    sender = _sender(title)
    if not sender.add(address):
        return {"failed": "address"}
    if text_of(request, "do") == "check":
        return {"sent": False}
    inside = request.get("inside") is True
    networks = our_networks()
    way = (Inside if inside else Outside)(networks=lambda: networks)
    guard = MessageGuard(way, "not_inside" if inside else "not_outside")
    log = _Log()
    logger = logging.getLogger("apprise")
    logger.addHandler(log)
    logger.setLevel(logging.DEBUG)
    if guarded:
        sys.addaudithook(guard)
    if sender.notify(body=text_of(request, "text"), title=title, body_format="text"):
        return {"sent": True}
    return failure(guard.refused, log.text)


def failure(refused: str, log: str) -> dict[str, Any]:
    """Return why a message was not sent, as ``failed``.

    If a server sent a code and nothing was blocked, the result also has it, as ``status``. ``refused``: the
    reason of `MessageGuard`; empty if nothing was blocked. ``log``: Apprise's messages.
    """
    if refused:
        return {"failed": refused}
    codes = [int(http or smtp) for http, smtp in _STATUS.findall(log)]
    if codes:
        return {"failed": "credentials" if codes[-1] in _CREDENTIALS else "refused", "status": codes[-1]}
    found = (why for why, pattern in _REASONS if pattern.search(log))
    return {"failed": next(found, "credentials")}


def _sender(title: str) -> Apprise:
    from apprise import Apprise, AppriseAsset

    name = title if title.isascii() else SOFTWARE
    # Without pictures: the phone would load them from Apprise's site.
    asset = AppriseAsset(
        app_id=name, app_desc=name, app_url="", image_url_mask="", image_url_logo="", async_mode=False
    )
    return Apprise(asset=asset)


def _send(request: Mapping[str, Any], *, guarded: bool) -> dict[str, Any]:
    try:
        require("apprise", "messages by other services")
    except MissingPackageError:
        return {"failed": "missing"}
    with redirect_stdout(sys.stderr):  # the answer is one line, whatever a library prints
        return answer(request, guarded=guarded)


def main(*, guarded: bool = True) -> int:
    os.nice(NICENESS)
    sys.dont_write_bytecode = True  # the guard refuses it
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # a proxy would resolve names itself
    return serve("apprise_message", MOST_INPUT, partial(_send, guarded=guarded))


if __name__ == "__main__":
    sys.exit(main())
