"""IP protocols other than TCP and UDP that carry a tunnel, by number (IANA, "Protocol Numbers")."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.values import Proto

_BY_NUMBER: Mapping[int, Proto] = {
    4: Proto.IP_IN_IP,  # RFC 2003
    41: Proto.IP_IN_IP,  # RFC 4213: 6in4, 6to4
    47: Proto.PPTP,  # GRE: RFC 2637, 2784
    50: Proto.IPSEC,  # ESP: RFC 4303
    51: Proto.IPSEC,  # AH: RFC 4302
    115: Proto.L2TP,  # RFC 3931 §4.1.1
}


def classify_ip(number: int) -> Proto:
    """Return the tunnel with this IP protocol number; OTHER if there is none."""
    return _BY_NUMBER.get(number, Proto.OTHER)
