"""What dnsmasq starts at each lease (dnsmasq(8), --dhcp-script): tells the daemon, if one runs, and ends.

dnsmasq waits for it before it starts the next one. So it says nothing, always ends with 0, and within a
second, whatever happens; and it loads next to nothing.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence

SOCKET = "/run/qalqan/control.sock"
SOCKET_VARIABLE = "QALQAN_SOCKET"  # another one, in dnsmasq's environment
TIMEOUT = 0.5  # seconds for the connection, and as much for the answer
MAX_TEXT = 255  # characters of each value: the daemon takes no more than 300
ACTIONS = frozenset({"add", "old", "del"})
_ANSWER = 4096  # bytes; the answer is not looked at, only waited for

# What dnsmasq says in its environment, and what the daemon calls it.
_VARIABLES = {
    "DNSMASQ_SUPPLIED_HOSTNAME": "supplied",
    "DNSMASQ_VENDOR_CLASS": "vendor_class",
    "DNSMASQ_VENDOR_CLASS0": "vendor_class",  # DHCPv6 numbers them
    "DNSMASQ_REQUESTED_OPTIONS": "options",
    "DNSMASQ_MAC": "mac",  # of DHCPv6, whose argument is a DUID
    "DNSMASQ_INTERFACE": "interface",
}


def request(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, str] | None:
    """What to tell the daemon; None for what it need not know (leases of others, TFTP, ARP)."""
    if len(arguments) < 3 or arguments[0] not in ACTIONS:
        return None
    values = {"do": "lease", "action": arguments[0], "ip": arguments[2]}
    if environment.get("DNSMASQ_IAID") is None:
        values["mac"] = arguments[1]
    if len(arguments) > 3:
        values["name"] = arguments[3]
    for variable, key in _VARIABLES.items():
        if text := environment.get(variable):
            values[key] = text
    cleaned = {key: _clean(text) for key, text in values.items()}
    return {key: text for key, text in cleaned.items() if text} if "mac" in cleaned else None


def _clean(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:MAX_TEXT].strip()


def main() -> int:
    told = request(sys.argv[1:], os.environ)
    if told is None:
        return 0
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(TIMEOUT)
            sock.connect(os.environ.get(SOCKET_VARIABLE) or SOCKET)
            sock.sendall(json.dumps(told).encode("ascii") + b"\n")
            sock.recv(_ANSWER)
    except OSError:
        pass  # no daemon, or one that is busy: it sees the device all the same
    return 0


if __name__ == "__main__":
    sys.exit(main())
