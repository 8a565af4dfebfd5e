"""The script that dnsmasq runs for each lease (dnsmasq(8), --dhcp-script): notifies a running daemon.

dnsmasq waits for the script before it runs the next one. The script therefore prints nothing, always exits
with 0 and within a second, and imports as little as possible.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence

SOCKET = "/run/qalqan/control.sock"
SOCKET_VARIABLE = "QALQAN_SOCKET"  # overrides SOCKET in dnsmasq's environment
TIMEOUT = 0.5  # seconds for the connection, and as much for the response
MAX_TEXT = 255  # characters of each value: the daemon accepts no more than 300
ACTIONS = frozenset({"add", "old", "del"})
_ANSWER = 4096  # bytes; the response is awaited and not read

# dnsmasq's environment variables and the daemon's keys.
_VARIABLES = {
    "DNSMASQ_SUPPLIED_HOSTNAME": "supplied",
    "DNSMASQ_VENDOR_CLASS": "vendor_class",
    "DNSMASQ_VENDOR_CLASS0": "vendor_class",  # DHCPv6 numbers them
    "DNSMASQ_REQUESTED_OPTIONS": "options",
    "DNSMASQ_MAC": "mac",  # of DHCPv6, where the argument is a DUID
    "DNSMASQ_INTERFACE": "interface",
}


def request(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, str] | None:
    """Return the message to the daemon about a DHCP lease, from dnsmasq's arguments and environment.

    None for a lease without a MAC address, and for other calls (TFTP, ARP).
    """
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
    message = request(sys.argv[1:], os.environ)
    if message is None:
        return 0
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(TIMEOUT)
            sock.connect(os.environ.get(SOCKET_VARIABLE) or SOCKET)
            sock.sendall(json.dumps(message).encode("ascii") + b"\n")
            sock.recv(_ANSWER)
    except OSError:
        pass  # no daemon, or a busy one: it detects the device by other means
    return 0


if __name__ == "__main__":
    sys.exit(main())
