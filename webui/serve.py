"""Runs the web process: waitress on the home's interfaces."""

from __future__ import annotations

import logging
import mimetypes
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import waitress
from flask import Flask
from waitress.server import BaseWSGIServer

from gateway.core.process_memory import disable_core_dumps, drop_read_pages, limit_arenas, settle
from webui import compiled, connection_limits, create_app
from webui.front import FrontServer
from webui.listen import interface_indexes, open_sockets
from webui.messages import notifier
from webui.settings import Settings

THREADS = 8  # streams may use four; four are left for responses
CONNECTIONS = 128  # above the limit in connection_limits.py: listening sockets count here as well
IDLE = 30  # seconds until a silent connection is closed
HEADER_LIMIT = 16 * 1024
# Bytes. Above the limit of the app, which has a clearer error page, and of the forms with a file.
BODY_LIMIT = 288 * 1024
WATCH_EVERY = 5.0  # seconds between checks of the interfaces

log = logging.getLogger(__name__)


def run(settings: Settings, form: str = "plain") -> int:
    """Serve the pages until SIGTERM or SIGINT, then return 0; return 1 if they must be started again.

    That is needed when an interface of the home appears, disappears or is recreated, and when the daemon has
    changed the pages' settings. ``form``: log format of started processes. Raises SettingsError or OSError.
    """
    limit_arenas()
    mimetypes.knownfiles.clear()  # the system's tables take 0.4 MB; Python has the types of our files
    disable_core_dumps()  # one could contain a password or a wallet's response
    app = create_app(settings)
    compiled.use_file_cache(app, settings.state)
    sockets = open_sockets(settings)
    server = waitress.create_server(
        app,
        sockets=sockets,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE,
        max_request_header_size=HEADER_LIMIT,
        max_request_body_size=BODY_LIMIT,
        channel_request_lookahead=1,  # detects a browser that disconnects during a stream
        clear_untrusted_proxy_headers=True,
        asyncore_use_poll=True,
        ident="",
    )
    ended = front_of(server, app, settings, form)
    connection_limits.install(server)
    # Waitress warns of each request that waits for a thread: a fast client would fill the log.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    changed = threading.Event()
    if settings.listen is None:
        threading.Thread(target=_watch, args=(settings.lan, changed), daemon=True).start()
    compiled.compile_later(settings.state)
    notifier.of(app).start(partial(_restart, changed, "the settings of the pages have changed"))
    signal.signal(signal.SIGTERM, _stop)
    for place in dict.fromkeys(map(_place, sockets)):  # IPv4 and IPv6 of an interface are one place
        log.info("the pages are at %s", place)
    settle()
    drop_read_pages()
    try:
        server.run()
    finally:
        ended()
        server.close()
    return 1 if changed.is_set() else 0


def front_of(server: Any, app: Flask, settings: Settings, form: str) -> Callable[[], None]:
    """Add the TLS front to the event loop if there is a trusted name, and return the function that stops it.

    The front's process starts when the loop runs. ``server``: the web server with the threads that respond to
    the front's requests.
    """
    if settings.https is None:
        return lambda: None
    dispatchers = connection_limits.dispatchers(server)
    like = next(dispatcher for dispatcher in dispatchers if isinstance(dispatcher, BaseWSGIServer))
    front = FrontServer(like, app, settings, form)
    return front.close


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit


def _watch(lan: tuple[str, ...], changed: threading.Event) -> None:
    before = interface_indexes(lan)
    while interface_indexes(lan) == before:
        threading.Event().wait(WATCH_EVERY)
    _restart(changed, "an interface of lan is another now")


def _restart(changed: threading.Event, why: str) -> None:
    log.warning("%s; the pages start again", why)
    changed.set()
    os.kill(os.getpid(), signal.SIGTERM)


def _place(sock: socket.socket) -> str:
    address, port = sock.getsockname()[:2]
    interface = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0").decode()
    shown = f"[{address}]" if ":" in address else address
    return f"http://{shown}:{port}" if not interface else f"port {port} of {interface}"
