"""The test device, which the gateway cannot tell from a child's device. Runs in a network namespace."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateway.filter_test import namespace, probes, rawtcp, sink
from gateway.filter_test.namespace import command

_AT_ONCE = 12  # parallel connections, as of a phone's apps; more could exceed the budget of a queue slot
_ARP = 0x0806
_LISTEN_S, _LISTENS = 0.3, 3  # RFC 5227 2.1.1 waits seconds; devices on a LAN answer in milliseconds

# The kernel does not know the raw connections and would reset them.
_SILENCE = f"""table inet audit {{ chain out {{ type filter hook output priority 0;
  tcp sport {rawtcp.PORTS[0]}-{rawtcp.PORTS[1]} tcp flags rst drop; }}; }}"""


class Download:
    """Downloads an endless page over plain HTTP in a thread, to test whether a pause ends the download.

    Stores how many bytes came, when the last one came (monotonic seconds), and why the download ended
    (``over``, empty while it runs).
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.received = 0
        self.last = 0.0
        self.over = ""
        self._job = job
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        job = self._job
        try:
            with socket.create_connection((job["to"], job["port"]), 3, (job["src"], 0)) as sock:
                path = sink.STREAM_PATH.decode()
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {job['name']}\r\n\r\n".encode())
                while data := sock.recv(1 << 16):
                    self.received += len(data)
                    self.last = time.monotonic()
            self.over = "closed"
        except OSError as error:
            self.over = error.strerror or type(error).__name__


class DeviceCommands:
    """Executes requests of the parent process in the network namespace of the filter test's simulated device.

    Requests add links and routes, find free addresses, run probes, and start downloads or report on
    them.
    """

    def __init__(self) -> None:
        self._downloads: dict[str, Download] = {}

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        do = request["do"]
        if do == "links":
            for name, value in request.get("settings", {}).items():
                Path("/proc/sys/net", name).write_text(value, "ascii")
            for line in request["links"]:
                command("ip", *line.split())
            return {}
        if do == "silence":
            command("nft", "-f", "-", stdin=_SILENCE)
            return {}
        if do == "free":
            return {"free": free(request["candidates"], request["mac"])}
        if do == "run":
            with ThreadPoolExecutor(_AT_ONCE) as several:
                jobs = request["jobs"]
                keys = [job["key"] for job in jobs]
                return {"results": dict(zip(keys, several.map(probes.run, jobs), strict=True))}
        if do == "download":
            self._downloads = {job["key"]: Download(job) for job in request["jobs"]}
            return {}
        return {
            "downloads": {
                key: {
                    "received": download.received,
                    "silent": time.monotonic() - download.last,
                    "over": download.over,
                }
                for key, download in self._downloads.items()
            }
        }


def free(candidates: list[str], mac: str) -> list[str]:
    """Return those of the IPv4 ``candidates`` that no device on the LAN uses (an ARP probe: RFC 5227 2.1.1).

    ``mac``: the test device's. The ARP requests are sent on ``eth0``, and take about a second.
    """
    own = bytes.fromhex(mac.replace(":", ""))
    taken: set[bytes] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as sock:
        sock.bind(("eth0", _ARP))
        for _ in range(_LISTENS):
            for address in candidates:
                asked = own + bytes(4) + bytes(6) + socket.inet_aton(address)
                sock.send(b"\xff" * 6 + own + bytes.fromhex("08060001080006040001") + asked)
            until = time.monotonic() + _LISTEN_S
            while (left := until - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    frame, where = sock.recvfrom(128)
                except TimeoutError:
                    break
                if where[2] != socket.PACKET_OUTGOING:
                    taken.add(frame[28:32])  # the sender uses this address
    return [address for address in candidates if socket.inet_aton(address) not in taken]


if __name__ == "__main__":
    namespace.serve(DeviceCommands().answer)
