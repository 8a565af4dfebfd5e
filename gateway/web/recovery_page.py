"""``python -m gateway.web.recovery_page VALUES``: serves a page while the pages of the family cannot start.

It says what is wrong, what still works and what to do, with status 503 on every address. It starts the
pages again when a watched file has changed, and after a pause that doubles. VALUES is JSON
(gateway/web/recovery.py).

It uses the standard library only: a broken module of the project may be the reason.
"""

from __future__ import annotations

import html
import json
import os
import re
import selectors
import signal
import socket
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NoReturn

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 300.0  # seconds until the pages are started again
WATCH_EVERY = 1.0  # seconds between two looks at the watched files
DEFAULT_LAN, DEFAULT_PORT = ("br-lan",), 8080
CONNECTIONS = 64  # open at once; the oldest is closed
PATIENCE = 5.0  # seconds for a request
HEAD_LIMIT = 8192  # bytes of a request that are read
SOCKET_PATIENCE = 0.5  # seconds for the daemon to accept a connection
LANGUAGES = ("en", "ru", "kk")

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "These pages cannot start",
        "wrong": "What is wrong",
        "config": "The settings cannot be read.",
        "storage": "A file or folder of these pages cannot be written.",
        "program": "The program of these pages has failed.",
        "works": "What still works",
        "runs": "The filter runs: rules, bedtimes and time limits apply as before. Help lines stay open.",
        "stopped": "The filter does not answer. Until it runs, devices of children under 13 are blocked. "
        "From 13 on they stay open, unless their rules say otherwise. Help lines stay open.",
        "waits": "Requests, pauses and extra time have to wait for these pages.",
        "do": "What to do",
        "wait": "Wait a minute. This page tries again and then opens the normal pages.",
        "correct": "If you changed the settings: correct them. On the gateway, {command} names the mistake.",
        "room": "On the gateway, {command} says what is full or not writable.",
        "restart": "If it stays: switch the gateway off, wait ten seconds, and switch it on.",
        "support": "If that does not help, ask for help: {support}",
        "emergency": "In an emergency call 112.",
    },
    "ru": {
        "title": "Эти страницы не запускаются",
        "wrong": "Что случилось",
        "config": "Настройки не читаются.",
        "storage": "Файл или папка этих страниц не записывается.",
        "program": "Программа этих страниц завершилась с ошибкой.",
        "works": "Что работает",
        "runs": "Фильтр работает: правила, время сна и лимиты действуют как прежде. Линии помощи открыты.",
        "stopped": "Фильтр не отвечает. Пока он не работает, устройства детей до 13 лет закрыты. "
        "С 13 лет они открыты, если правила не говорят иначе. Линии помощи открыты.",
        "waits": "Просьбы, паузы и дополнительное время подождут, пока эти страницы не откроются.",
        "do": "Что делать",
        "wait": "Подождите минуту. Эта страница пробует снова и затем открывает обычные страницы.",
        "correct": "Если вы меняли настройки, исправьте их. На шлюзе команда {command} называет ошибку.",
        "room": "На шлюзе команда {command} говорит, что переполнено или закрыто для записи.",
        "restart": "Если не поможет: выключите шлюз, подождите десять секунд и включите снова.",
        "support": "Если и это не поможет, обратитесь за помощью: {support}",
        "emergency": "В чрезвычайной ситуации звоните 112.",
    },
    "kk": {
        "title": "Бұл беттер іске қосылмай тұр",
        "wrong": "Не болды",
        "config": "Баптаулар оқылмайды.",
        "storage": "Осы беттердің файлы не қалтасы жазылмайды.",
        "program": "Осы беттердің бағдарламасы қатемен аяқталды.",
        "works": "Не жұмыс істеп тұр",
        "runs": "Сүзгі жұмыс істеп тұр: ережелер, ұйқы уақыты және шектеулер бұрынғыдай. "
        "Көмек желілері ашық.",
        "stopped": "Сүзгі жауап бермейді. Ол іске қосылғанша 13 жасқа дейінгі балалардың құрылғылары "
        "жабық. 13 жастан бастап ережелерде басқаша айтылмаса, ашық қалады. Көмек желілері ашық.",
        "waits": "Өтініштер, кідірту және қосымша уақыт осы беттер ашылғанша күте тұрады.",
        "do": "Не істеу керек",
        "wait": "Бір минут күтіңіз. Бұл бет қайта байқап көреді де, кәдімгі беттерді ашады.",
        "correct": "Баптауларды өзгерткен болсаңыз, түзетіңіз. Шлюзде {command} командасы қатені атайды.",
        "room": "Шлюзде {command} командасы не толып кеткенін не жазылмайтынын айтады.",
        "restart": "Көмектеспесе: шлюзді өшіріп, он секунд күтіп, қайта қосыңыз.",
        "support": "Бұл да көмектеспесе, көмек сұраңыз: {support}",
        "emergency": "Төтенше жағдайда 112 нөміріне қоңырау шалыңыз.",
    },
}
STEPS = {"config": ("wait", "correct", "restart"), "storage": ("wait", "room", "restart"),
         "program": ("wait", "restart")}  # fmt: skip
COMMAND = "<code>qalqan check</code>"

# The script leaves the page for the normal one. A page that is gone for a moment is no reason to stop asking.
SCRIPT = (
    "setInterval(()=>fetch(location,{cache:'no-store'})"
    ".then(r=>{if(r.status!=503)location.reload()},()=>{}),4000)"
)
STYLE = (
    ":root{color-scheme:light dark}body{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;"
    "margin:0 auto;padding:1.5rem 1rem;color:#1d2430;background:#f6f7f9}"
    "main{background:#fff;border-radius:1rem;padding:1.25rem}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.125rem;margin:1.25rem 0 .25rem}"
    "p,ol{margin:.25rem 0}ol{padding-left:1.4rem}"
    "code{background:#eef0f4;padding:0 .25rem;border-radius:.25rem;"
    "overflow-wrap:anywhere}@media(prefers-color-scheme:dark){body{color:#e8eaee;background:#14171c}"
    "main{background:#1e232b}code{background:#2b323d}}"
)


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


HEADERS = (
    "Retry-After: 10\r\nCache-Control: no-store\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n"
    f"Content-Security-Policy: default-src 'none'; connect-src 'self'; style-src {_hash(STYLE)}; "
    f"script-src {_hash(SCRIPT)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
)


def page(values: Mapping[str, Any], language: str, *, runs: bool) -> str:
    """Return the recovery page as HTML, which is shown while the pages of the family cannot start.

    ``values``: cause, file or folder, and settings, as in `Recovery.serve`. ``runs``: the daemon responds.
    """
    words, settings, cause = TEXTS[language], values["settings"], values["cause"]
    name = html.escape(str((settings.get("brand") or {}).get("name") or "Qalqan"))
    support = html.escape(str((settings.get("brand") or {}).get("support") or ""))
    where = f" <code>{html.escape(str(values['where']))}</code>" if values["where"] else ""
    steps = [words[step].format(command=COMMAND) for step in STEPS[cause]]
    if support:
        steps.append(words["support"].format(support=support))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words['title']} · {name}</title><style>{STYLE}</style>"
        '<noscript><meta http-equiv="refresh" content="15"></noscript></head>'
        f"<body><main><h1>{words['title']}</h1>"
        f"<h2>{words['wrong']}</h2><p>{words[cause]}{where}</p>"
        f"<h2>{words['works']}</h2><p>{words['runs' if runs else 'stopped']}</p><p>{words['waits']}</p>"
        f"<h2>{words['do']}</h2><ol>{''.join(f'<li>{step}</li>' for step in steps)}</ol>"
        f"<p>{words['emergency']}</p></main><script>{SCRIPT}</script></body></html>"
    )


def language_of(accepted: str, otherwise: str) -> str:
    """Return the first language of an Accept-Language header that the page has.

    Without one, return ``otherwise`` if the page has it, else English.
    """
    for word in accepted.split(","):
        found = word.partition(";")[0].strip().partition("-")[0].lower()
        if found in LANGUAGES:
            return found
    return otherwise if otherwise in LANGUAGES else LANGUAGES[0]


def response(values: Mapping[str, Any], request: bytes) -> bytes:
    """Return the HTTP response to a request, with status 503: the page, or JSON below ``/api/``."""
    line, _, rest = request.decode("latin-1").partition("\r\n")
    method, _, target = line.partition(" ")
    settings = values["settings"]
    if target.startswith("/api/"):
        kind, text = "application/problem+json", json.dumps({"status": 503, "title": TEXTS["en"]["title"]})
    else:
        found = re.search(r"^accept-language:([^\r\n]*)", rest, re.IGNORECASE | re.MULTILINE)
        language = language_of(found.group(1) if found else "", str(settings.get("language") or ""))
        kind = "text/html; charset=utf-8"
        text = page(values, language, runs=daemon_answers(str(settings.get("control") or "")))
    body = text.encode()
    about = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    head = f"HTTP/1.1 503 Service Unavailable\r\n{about}{HEADERS}\r\n"
    return head.encode() + (b"" if method == "HEAD" else body)


def daemon_answers(control: str) -> bool:
    """Return whether the daemon accepts a connection at its control socket. ``control``: its path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(SOCKET_PATIENCE)
        try:
            sock.connect(control)
        except OSError:
            return False
    return True


class Server:
    """Serves the recovery page, which is shown while the pages of the family cannot start.

    Each connection gets one response. It does not wait for slow clients.
    """

    def __init__(self, values: Mapping[str, Any], listening: list[socket.socket]) -> None:
        self._values = values
        self._selector = selectors.DefaultSelector()
        self._open: dict[socket.socket, tuple[float, bytearray]] = {}  # by age: until when, received bytes
        for sock in listening:
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ, "listening")

    def turn(self) -> None:
        """Answer the requests that have arrived, and close late connections. Waits at most a second."""
        for key, _ in self._selector.select(WATCH_EVERY):
            assert isinstance(key.fileobj, socket.socket)
            if key.data == "listening":
                self._accept(key.fileobj)
            elif key.fileobj in self._open:
                self._read(key.fileobj)
        now = time.monotonic()
        for sock in [sock for sock, (until, _) in self._open.items() if until < now]:
            self._close(sock)

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, _ = listening.accept()
        except OSError:
            return
        sock.setblocking(False)
        while len(self._open) >= CONNECTIONS:
            self._close(next(iter(self._open)))
        self._open[sock] = (time.monotonic() + PATIENCE, bytearray())
        self._selector.register(sock, selectors.EVENT_READ)

    def _read(self, sock: socket.socket) -> None:
        request = self._open[sock][1]
        try:
            data = sock.recv(HEAD_LIMIT)
        except OSError:
            data = b""
        request += data
        if data and b"\r\n\r\n" not in request and len(request) < HEAD_LIMIT:
            return
        if data:
            try:
                sock.sendall(response(self._values, bytes(request)))  # 4 kB: fits the socket's buffer
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(HEAD_LIMIT):  # closing with unread bytes would discard the response
                    pass
            except OSError:
                pass
        self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        del self._open[sock]
        sock.close()


def listening_sockets(settings: Mapping[str, Any]) -> list[socket.socket]:
    """Return listening sockets at the addresses of the pages' settings.

    Without one address, there are two for each LAN interface that exists. Raises OSError if none can listen,
    ValueError for a port that is no number, OverflowError for one above 65535.
    """
    if listen := settings.get("listen"):
        address, _, number = str(listen).rpartition(":")
        address = address.strip("[]")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [_bound(family, address, int(number), "")]
    port = int(settings.get("port") or DEFAULT_PORT)
    found = []
    for interface in settings.get("lan") or DEFAULT_LAN:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            try:
                found.append(_bound(family, address, port, str(interface)))
            except OSError as error:
                problem = error
    if not found:
        raise problem
    return found


def _bound(family: socket.AddressFamily, address: str, port: int, interface: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.bind((address, port))
        sock.listen(CONNECTIONS)
    except OSError:
        sock.close()
        raise
    return sock


def _stamps(files: list[str]) -> list[tuple[int, ...] | None]:
    return list(_each_stamp(files))


def _each_stamp(files: list[str]) -> Iterator[tuple[int, ...] | None]:
    for file in files:
        try:
            found = os.stat(file)
        except OSError:
            yield None
        else:
            yield found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def main(text: str) -> NoReturn:
    """Serve the recovery page until a watched file changes or a pause has passed; then start the pages again.

    The pages replace this process. The pause doubles with each failed start.
    """
    values = json.loads(text)
    signal.signal(signal.SIGTERM, _stop)
    before = _stamps(values["watch"])
    try:
        server = Server(values, listening_sockets(values["settings"]))
    except (OSError, ValueError, OverflowError) as error:
        sys.stderr.write(f"qalqan: the recovery page cannot listen: {error}\n")
        raise SystemExit(1) from error
    sys.stderr.write("qalqan: the pages cannot start; the recovery page is served until they can\n")
    pause = min(FIRST_PAUSE * 2 ** min(values["failures"], 10), LONGEST_PAUSE)
    end = time.monotonic() + pause
    while time.monotonic() < end and _stamps(values["watch"]) == before:
        server.turn()
    again = [str(word) for word in values["again"]]
    os.execv(again[0], again)  # its sockets close


if __name__ == "__main__":
    main(sys.argv[1])
