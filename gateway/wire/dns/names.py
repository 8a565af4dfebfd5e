"""Domain names in DNS messages (RFC 1035 §3.1, §4.1.4): labels, compression pointers, text and wire form.

A name in DNS may contain any byte; ``gateway.wire.names.hostname()`` checks whether it is a host name.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.errors import WireError
from gateway.wire.names import hostname

HEADER_SIZE = 12  # no name can begin in the header, so no pointer may point there
MAX_NAME = 255  # octets in wire form, length octets and root included (RFC 1035 §2.3.4)
MAX_POINTERS = 127  # one pointer for each label that fits; longer chains only cost time

# Escapes names like dnspython, so that both produce the same text.
_PLAIN = bytes(sorted(set(range(0x21, 0x7F)) - set(b'"().;\\@$')))


def read_labels(data: bytes, pos: int) -> tuple[list[bytes], int]:
    """Return the labels of the name at ``pos``, case as sent, and the offset after it. The root is no labels.

    Every pointer must point further back than the one before it, so that a name ends. Raises WireError, also
    for more than 255 octets.
    """
    labels: list[bytes] = []
    size = 1
    after = 0
    lowest = pos
    pointers = 0
    try:
        # A slice past the end is silently short, but then the next length octet is past the end too.
        while length := data[pos]:
            if length < 0x40:
                following = pos + 1 + length
                labels.append(data[pos + 1 : following])
                pos = following
                size += 1 + length
                if size > MAX_NAME:
                    msg = f"domain name of more than {MAX_NAME} octets at offset {lowest}"
                    raise WireError(msg)
            elif length >= 0xC0:
                target = (length & 0x3F) << 8 | data[pos + 1]
                pointers += 1
                if not HEADER_SIZE <= target < lowest or pointers > MAX_POINTERS:
                    msg = f"compression pointer {pointers} of a name, at offset {pos}, leads to {target}"
                    raise WireError(msg)
                after = after or pos + 2
                pos = lowest = target
            else:
                msg = f"label type {length >> 6} at offset {pos}"
                raise WireError(msg)
    except IndexError:
        msg = f"domain name cut at offset {len(data)}"
        raise WireError(msg) from None
    return labels, after or pos + 1


def name_text(labels: Sequence[bytes]) -> str:
    """Return the text form: lower case, no last dot, zone file escapes (RFC 1035 §5.1); "." is the root."""
    name = b".".join(labels).lower()
    if len(name.translate(None, _PLAIN)) < max(1, len(labels)):  # only the dots between labels are left
        return name.decode("ascii") or "."
    return ".".join("".join(map(_escape, label.lower())) for label in labels)


def _escape(octet: int) -> str:
    if octet in _PLAIN:
        return chr(octet)
    return f"\\{chr(octet)}" if 0x20 < octet < 0x7F else f"\\{octet:03d}"


def wire_name(labels: Sequence[bytes]) -> bytes:
    """Return the uncompressed wire form."""
    return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"


def split_wire_name(wire: bytes) -> list[bytes]:
    """Return the labels of an uncompressed name in wire form."""
    labels, _ = read_labels(bytes(HEADER_SIZE) + wire, HEADER_SIZE)
    return labels


def host_labels(host: str) -> list[bytes]:
    """Return the labels of a host name in text form. Raises WireError if it is none."""
    return hostname(host.encode("utf-8")).encode("ascii").split(b".")
