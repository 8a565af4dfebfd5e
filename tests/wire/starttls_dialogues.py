"""Dialogues in plain text after which TLS begins, up to the client's hello."""

from __future__ import annotations

SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # of PostgreSQL
LDAP = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
BIND_RESPONSE = bytes.fromhex("300c02010161070a010004000400")
XMPP = b"<?xml version='1.0'?><stream:stream to='jabber.example'>"

RDP = bytes.fromhex("0300002b26e00000000000") + b"Cookie: mstshash=x\r\n" + bytes.fromhex("0100080003000000")
# PRELOGIN of SQL Server: version, encryption, instance, thread, multiple sets; encryption is on.
PRELOGIN = (
    bytes.fromhex("1201003a0000000000001f000601002500010200260001030027000404002b0001ff")
    + bytes(6)
    + b"\x01"
    + bytes(6)
)
PRELOGIN_ANSWER = b"\x04" + PRELOGIN[1:]

Lines = list[tuple[str, bytes]]  # the side that sends, and what

SMTP: Lines = [
    ("server", b"220 mail.example ESMTP\r\n"),
    ("client", b"EHLO x\r\n"),
    ("server", b"250-mail.example\r\n250 STARTTLS\r\n"),
    ("client", b"STARTTLS\r\n"),
    ("server", b"220 Go ahead\r\n"),
]
DIALOGUES: dict[str, Lines] = {
    "SMTP": SMTP,
    "IMAP": [
        ("server", b"* OK ready\r\n"),
        ("client", b"a CAPABILITY\r\n"),
        ("server", b"* CAPABILITY STARTTLS\r\na OK\r\n"),
        ("client", b"b STARTTLS\r\n"),
        ("server", b"b OK\r\n"),
    ],
    "POP3": [
        ("server", b"+OK ready\r\n"),
        ("client", b"CAPA\r\n"),
        ("server", b"+OK\r\nSTLS\r\n.\r\n"),
        ("client", b"STLS\r\n"),
        ("server", b"+OK\r\n"),
    ],
    "XMPP": [
        ("client", XMPP),
        ("server", XMPP + b"<stream:features><starttls/></stream:features>"),
        ("client", b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        ("server", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ],
    "LDAP": [("client", LDAP), ("server", BIND_RESPONSE.replace(b"\x61", b"\x78"))],
    "FTP": [
        ("server", b"220 FTP\r\n"),
        ("client", b"AUTH TLS\r\n"),
        ("server", b"234 Proceed\r\n"),
    ],
    "PostgreSQL": [("client", SSL_REQUEST), ("server", b"S")],
    "IRC": [
        ("server", b":irc.example NOTICE * :*** Looking up your hostname...\r\n"),
        ("client", b"CAP LS 302\r\n"),
        ("server", b":irc.example CAP * LS :tls\r\n"),
        ("client", b"STARTTLS\r\n"),
        ("server", b":irc.example 670 * :STARTTLS successful\r\n"),
    ],
    "Remote Desktop": [("client", RDP), ("server", bytes.fromhex("030000130ed000001234000200080002000000"))],
    # Its client sends the hello right behind its request for TLS; the server answers only that.
    "MySQL": [
        ("server", b"\x4a\x00\x00\x00\x0a8.4.0\x00" + bytes(60)),
        ("client", b"\x20\x00\x00\x01\x85\xae\xff\x19" + bytes(28)),
    ],
}
