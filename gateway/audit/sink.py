"""The simulated internet of a filter test: it has every address, and records what arrives.

Runs in a namespace of its own. Nothing is forwarded from it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from gateway.audit import namespace
from gateway.audit.arrivals import Arrivals
from gateway.audit.namespace import command
from gateway.audit.sink_datagrams import DatagramServer
from gateway.audit.sink_packets import PacketServer
from gateway.audit.sink_streams import StreamServer

# Ports of the simulated internet's servers: those that the checks use.
STREAMS = (22, 53, 80, 443, 853, 1080, 1194, 1723, 2222, 3128, 4321, 5228, 5300, 8080, 8443, 9001)
DATAGRAMS = (53, 123, 443, 500, 853, 1194, 1701, 3544, 4321, 4500, 5300, 8443, 51820)
PROTOCOLS = {4: (41, 47, 50, 115), 6: (4, 47, 50, 115)}

# Drops packets that would have expired one hop further.
_ONE_MORE_HOP = """table inet audit { chain hop { type filter hook prerouting priority -400;
  ip ttl 1 drop; ip6 hoplimit 1 drop; }; }"""


class Sink:
    """Executes the requests of the parent process."""

    def __init__(self) -> None:
        self._arrivals = Arrivals()

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if request["do"] == "begin":
            for line in request["links"]:
                command("ip", *line.split())
            command("nft", "-f", "-", stdin=_ONE_MORE_HOP)
            self._serve()
            return {}
        return {"seen": self._arrivals.take()}

    def _serve(self) -> None:
        servers: list[StreamServer | DatagramServer | PacketServer] = [
            *(StreamServer(port, self._arrivals) for port in STREAMS),
            *(DatagramServer(port, version, self._arrivals) for port in DATAGRAMS for version in (4, 6)),
            *(
                PacketServer(number, version, self._arrivals)
                for version in (4, 6)
                for number in PROTOCOLS[version]
            ),
        ]
        for server in servers:
            threading.Thread(target=server.serve, daemon=True).start()


if __name__ == "__main__":
    namespace.serve(Sink().answer)
