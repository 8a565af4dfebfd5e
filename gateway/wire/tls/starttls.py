"""Recognises protocols in which TLS may begin later in the connection (STARTTLS), by their first bytes.

In all of them a server answers in plain text first, so the answer alone does not show that no hello follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_GREETINGS = (
    b"220 ",  # SMTP (RFC 3207), FTP (RFC 4217)
    b"220-",
    b"120 ",  # FTP that is not ready yet
    b"+OK",  # POP3 (RFC 2595)
    b"* OK",  # IMAP (RFC 9051 §6.2.1)
    b"* PREAUTH",
    b"200 ",  # NNTP (RFC 4642)
    b"200-",
    b"201 ",
    b'"IMPLEMENTATION"',  # ManageSieve (RFC 5804 §2.2)
    b"NOTICE ",  # IRC before a name is known
    b"<?XML",  # XMPP (RFC 6120 §5)
    b"<STREAM:STREAM",
)
_LONGEST = max(map(len, _GREETINGS))
# XMPP, with blanks before it, as far as it has arrived.
_XMPP = re.compile(rb"\s*<(?:\?xml|stream:stream)", re.IGNORECASE)
# SSLRequest or GSSENCRequest of PostgreSQL (protocol 3.0, message formats); SSLRequest may follow the second.
_POSTGRESQL = re.compile(rb"\x00\x00\x00\x08\x04\xd2\x16[\x2f\x30]")
# A message of LDAP (RFC 4511 §4.1.1): a sequence of any length with a message id first.
_LDAP = re.compile(rb"\x30(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)\x02[\x01-\x04]", re.DOTALL)
_LDAP_BYTES = 8  # are always enough
# First command of IRC (RFC 2812 §3.1; ircv3.net, STARTTLS and CAP), and what its servers answer to any other.
_IRC = re.compile(rb"\s*(?:CAP|NICK|PASS|USER|STARTTLS)[ \r\n]", re.IGNORECASE)
_IRC_SERVER = re.compile(rb":[^ \r\n]{1,64} (?:NOTICE|[0-9]{3}) ")
_IRC_BEGINS = re.compile(rb":[^ \r\n]{0,64}(?: [A-Z0-9]{0,6})?")
# Connection request of Remote Desktop: X.224 in TPKT ([MS-RDPBCGR] §2.2.1.1).
_RDP = re.compile(rb"\x03\x00..[\x06-\xfe]\xe0\x00\x00", re.DOTALL)
# PRELOGIN of SQL Server, a list of options; the hello follows in such packets ([MS-TDS] §2.2.6.5).
_TDS = re.compile(rb"\x12\x01..\x00\x00.\x00\x00\x00.\x00\x06", re.DOTALL)
_CLIENTS = (_XMPP, _LDAP, _IRC, _RDP, _TDS)
_SEARCHED = 4096  # bytes of a client; what precedes its first message is cut off by the server


def may_start_tls(clients: Iterable[bytes], server: bytes) -> bool | None:
    """Return whether TLS may begin later in a connection with these first bytes; None if more are needed.

    ``clients``: the client's first bytes, in each way that they may be read. ``server``: those of the server,
    which answered.
    """
    for client in clients:
        if any(begins.match(client) for begins in _CLIENTS) or _POSTGRESQL.search(client[:_SEARCHED]):
            return True
    greeting = server[:_LONGEST].upper()
    if greeting.startswith(_GREETINGS) or _LDAP.match(server) or _IRC_SERVER.match(server):
        return True
    more = any(known.startswith(greeting) for known in _GREETINGS) or _IRC_BEGINS.fullmatch(server)
    return None if more or (server[:1] == b"\x30" and len(server) < _LDAP_BYTES) else False
