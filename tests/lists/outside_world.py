"""Web and name servers of a small pretended internet, and of the home behind the gateway: run in namespaces.

``python -m tests.lists.outside_world web ADDRESS:PORT… `` writes each path that is asked for as a line.
``python -m tests.lists.outside_world names ADDRESS`` answers for ``*.test``.
"""

from __future__ import annotations

import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

SITE, SITE6, RESOLVER = "45.60.1.1", "2a0b:60::1", "45.60.1.2"
LAN, LAN6 = "192.168.77.1", "2a02:77::1"  # the home's IPv6 addresses are the internet's too
PORT = 8099
LIST = b"casino.example\n"

NAMES: dict[str, dict[str, list[str]]] = {
    "good": {"A": [SITE]},
    "good6": {"AAAA": [SITE6]},
    "inside": {"A": [LAN]},
    "inside6": {"AAAA": [LAN6]},
    "mixed": {"A": [SITE, LAN]},
    "mixed6": {"A": [SITE], "AAAA": [LAN6]},
    "loop": {"A": ["127.0.0.1"]},
    "mapped": {"AAAA": ["::ffff:192.168.77.1"]},
    "translated": {"AAAA": ["64:ff9b::c0a8:4d01"]},
    "unspecified": {"A": ["0.0.0.0"]},
    "link": {"AAAA": ["fe80::1"]},
}
TURNING = ([SITE], ["127.0.0.1"])  # what the name is asked first, and from then on


class _Web(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        print(self.headers["Host"], self.path, flush=True)
        _, _, to = self.path.partition("?to=")
        if to:
            self.send_response(302)
            self.send_header("Location", to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(LIST)))
        self.end_headers()
        self.wfile.write(LIST)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


class _Web6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def web(*places: str) -> None:
    threads = []
    for place in places:
        host, _, port = place.rpartition(":")
        kind = _Web6 if ":" in host else ThreadingHTTPServer
        server = kind((host.strip("[]"), int(port)), _Web)
        threads.append(Thread(target=server.serve_forever))
    for one in threads:
        one.start()
    print("ready", flush=True)


def names(address: str) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 53))
    print("ready", flush=True)
    asked = 0
    while True:
        data, where = sock.recvfrom(4096)
        query = dns.message.from_wire(data)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        label = question.name.to_text().partition(".")[0]
        found = NAMES.get(label, {}).get(kind, [])
        if label == "turning" and kind == "A":
            found = TURNING[min(asked, 1)]
            asked += 1
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if found:
            answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *found))
        sock.sendto(answer.to_wire(), where)


if __name__ == "__main__":
    if sys.argv[1] == "web":
        web(*sys.argv[2:])
    else:
        names(sys.argv[2])
