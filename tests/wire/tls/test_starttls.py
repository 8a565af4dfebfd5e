"""Protocols in which TLS begins after plain text, by their first bytes."""

from __future__ import annotations

import pytest

from gateway.wire.tls.starttls import may_start_tls
from tests.wire.starttls_dialogues import BIND_RESPONSE, LDAP, PRELOGIN, RDP, SSL_REQUEST, XMPP

DIALOGUES = {
    "SMTP": (b"", b"220 mail.example ESMTP\r\n"),
    "SMTP, several lines": (b"EHLO x\r\n", b"220-mail.example\r\n220 \r\n"),
    "FTP, later": (b"", b"120 Ready in five minutes\r\n"),
    "POP3": (b"", b"+OK ready\r\n"),
    "IMAP": (b"", b"* OK IMAP4rev2\r\n"),
    "IMAP, signed in": (b"", b"* PREAUTH\r\n"),
    "IMAP in small letters": (b"", b"* ok\r\n"),
    "NNTP": (b"", b"201 no posting\r\n"),
    "ManageSieve": (b"", b'"IMPLEMENTATION" "x"\r\n'),
    "XMPP": (XMPP, b"<"),
    "XMPP after blanks": (b"\n <stream:stream to='x'>", b"<"),
    "XMPP, by its server": (b"junk", XMPP),
    "LDAP": (LDAP, b"0"),
    "LDAP, by its server": (b"junk", BIND_RESPONSE),
    "LDAP of Windows": (b"\x30\x84\x00\x00\x00\x10\x02\x01\x01\x60", b"\x30"),
    "PostgreSQL": (SSL_REQUEST, b"S"),
    "PostgreSQL after bytes that the server has cut off": (bytes(9) + SSL_REQUEST, b"S"),
    "IRC": (b"NICK x\r\n", b":"),
    "IRC in small letters": (b"\r\nstarttls\r\n", b":"),
    "IRC, by its server": (b"junk\r\n", b":irc.example 451 * junk :You have not registered\r\n"),
    "IRC, by its old server": (b"junk\r\n", b"NOTICE AUTH :*** Looking up your hostname\r\n"),
    "Remote Desktop": (RDP, b"\x03"),
    "SQL Server": (PRELOGIN, b"\x04"),
    "PostgreSQL, Kerberos first": (SSL_REQUEST[:7] + b"\x30", b"N"),
}
OTHERS = {
    "HTTP": (b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n"),
    "SSH": (b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n"),
    "a game": (b"\x10\x00\x2f\x04", b"\x01\x02\x03\x04"),
    "MQTT": (b"\x10\x1f\x00\x04MQTT", b"\x20\x02\x00\x00"),
    "BitTorrent": (b"\x13BitTorrent protocol", b"\x13BitTorrent protocol"),
    "a smart meter over TPKT": (b"\x03\x00\x00\x16\x11\xf0\x00\x00", b"\x03\x00\x00\x16"),
    "text with a colon": (b"NICKEL\r\n", b":irc.example says\r\n"),
    "an ASN.1 of something else": (b"\x01", b"\x30\x05\x04\x01\x01\x04\x01\x01"),
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogues(name: str) -> None:
    client, server = DIALOGUES[name]
    assert may_start_tls([client], server) is True
    assert may_start_tls([b"a decoy", client], server) is True
    if not client:
        assert may_start_tls([], server[:2]) is None


@pytest.mark.parametrize("name", OTHERS)
def test_other_protocols(name: str) -> None:
    client, server = OTHERS[name]
    assert may_start_tls([client], server) is False


@pytest.mark.parametrize(
    "server", [b"2", b"22", b"+", b"* ", b'"IMPL', b"<", b"0", b"\x30\x84\x00", b":", b":a NOT"]
)
def test_more_bytes_are_needed(server: bytes) -> None:
    assert may_start_tls([b"x"], server) is None
