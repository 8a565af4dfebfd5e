"""Phones, messages, mail and things: the first bytes as their documents lay them out."""

from __future__ import annotations

from gateway.age.bands import AgeBand
from tests.ordinary.talks import TLS, Act, Line, Talk, heard, media, noise, rest, said
from tests.wire.dtls_forge import SERVER_HELLO, VERIFY, client_records, dtls_hello, dtls_record


def _ike(exchange: int, flags: int, number: int, body: bytes, first: int, *, answers: bool = False) -> bytes:
    """RFC 7296 3.1."""
    head = noise("initiator", 8) + (noise("responder", 8) if answers or number else bytes(8))
    size = (28 + len(body)).to_bytes(4, "big")
    return head + bytes([first, 0x20, exchange, flags]) + number.to_bytes(4, "big") + size + body


_NON_ESP, _KEEPALIVE = bytes(4), b"\xff"  # RFC 3948 2.2, 2.3
EPDG = "epdg.epc.mnc001.mcc401.pub.3gppnetwork.org"  # 3GPP TS 23.003, 19.4.2.9
CARRIER = (
    said(_ike(34, 0x08, 0, noise("sa", 400), 33)),
    heard(_ike(34, 0x20, 0, noise("sa answer", 380), 33, answers=True)),
)
CALLING = (
    said(_NON_ESP + _ike(35, 0x08, 1, noise("auth", 900), 46)),
    heard(_NON_ESP + _ike(35, 0x20, 1, noise("auth answer", 700), 46)),
    media(Act.BOTH, bytes.fromhex("c0ffee0100000001") + noise("voice", 116), 100, 0.02),
    said(_KEEPALIVE),
    media(Act.DOWNWARD, bytes.fromhex("c0ffee0200000001") + noise("their voice", 116), 50, 0.02),
)
# RFC 5905 7.3.
NTP = (said(b"\x23" + bytes(39) + noise("ntp", 8)), heard(b"\x24\x01\x00\xec" + noise("ntp answer", 44)))
# STUN and DTLS (RFC 8489, RFC 9147 4) on the ports that meetings publish.
_STUN = bytes.fromhex("000100582112a442") + noise("call", 12) + noise("attributes", 88)
_ANSWER = bytes.fromhex("010100582112a442") + noise("call", 12) + noise("attributes back", 88)
_DTLS = bytes.fromhex("16feff000000000000000000700100006400000000000000") + noise("hello", 100)
_RTP = bytes.fromhex("9060000127c41b90deadbeef")
MEETING = (
    said(_STUN),
    heard(_ANSWER),
    said(_DTLS),
    heard(b"\x16\xfe\xfd" + noise("server hello", 900)),
    media(Act.BOTH, _RTP + noise("picture", 1100), 200, 0.005),
)


def _dtls(name: str | None) -> tuple[Line, ...]:
    """A handshake with a cookie and hellos in two fragments (RFC 9147 5.2), then media or messages."""
    first = [said(record) for record in client_records(dtls_hello(name), (700,))]
    second = [said(record) for record in client_records(dtls_hello(name, cookie=b"crumb"), (700,), number=1)]
    sealed = dtls_record(noise("sealed", 200), kind=23, epoch=2)
    return (*first, heard(VERIFY), *second, heard(SERVER_HELLO), media(Act.BOTH, sealed, 60, 0.01))


# Wireshark's dissector of Zoom's media: a type, then RTP in frames of its own.
ZOOM = (
    said(b"\x01\x00\x03" + noise("zoom", 45)),
    heard(b"\x02\x00\x03" + noise("zoom answer", 60)),
    media(Act.DOWNWARD, b"\x05\x10\x01" + noise("film", 1000), 200, 0.005),
    media(Act.BOTH, b"\x05\x0f\x01" + noise("zoom voice", 160), 50, 0.02),
)
# RFC 3261; its letters look like short headers of QUIC, and the first answers to them like resets.
SIP = (
    said(b"REGISTER sip:sip.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.77.10;branch=z9hG4bK1\r\n\r\n"),
    heard(b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.168.77.10;branch=z9hG4bK1\r\n\r\n"),
)
# RFC 3550: on ports that SIP agreed on, nothing goes ahead of it.
RTP = (media(Act.BOTH, b"\x80\x00\x27\xc4\x1b\x90\xde\xad\xde\xad\xbe\xef" + noise("g711", 160), 100, 0.02),)
# A lecture that goes up for seconds, and nothing comes back but the handshake (draft-sharabayko-srt 3.2.1).
UPLOAD = (
    said(bytes.fromhex("80000000000000000000000000000000") + noise("srt", 48)),
    heard(bytes.fromhex("80000000000000010000000000000000") + noise("srt answer", 48)),
    media(Act.UPWARD, noise("lecture", 1300), 600, 0.003),
)
# RFC 7252 3: a thing asks its maker's cloud.
COAP = (
    said(bytes.fromhex("44010001a1b2c3d4b474657374")),
    heard(bytes.fromhex("64450001a1b2c3d4ff") + b"21.5"),
)

# WhatsApp's Noise pipe, as open clients of its web protocol have it: "WA", versions, a length of three bytes.
WHATSAPP = (
    said(b"WA\x06\x03\x00\x00\x24\x12\x22\x0a\x20" + noise("ephemeral", 32)),
    heard(b"\x00\x01\x0a" + noise("server hello", 266)),
    said(b"\x00\x00\xa2" + noise("finish", 162)),
    rest(3.0),
    heard(b"\x00\x00\x40" + noise("a message", 64)),
)
# core.telegram.org, "MTProto transports": 64 bytes of noise hide protocol and keys; and the plain starts.
OBFUSCATED = (
    said(b"\x3a\x91\x5c" + noise("mtproto", 61) + noise("request", 105)),
    heard(noise("telegram", 180)),
    rest(2.0),
    heard(noise("telegram news", 300)),
    said(noise("telegram ack", 73)),
)
INTERMEDIATE = (
    said(b"\xee\xee\xee\xee" + (40).to_bytes(4, "little") + bytes(8) + noise("req_pq", 32)),
    heard((84).to_bytes(4, "little") + bytes(8) + noise("res_pq", 76)),
)
ABRIDGED = (
    said(b"\xef\x0a" + bytes(8) + noise("req_pq", 32)),
    heard(b"\x15" + bytes(8) + noise("res_pq", 76)),
)

# RFC 5321, 3207: the server greets; inside TLS the same again.
SUBMISSION = (
    heard(b"220 smtp.example ESMTP ready\r\n"),
    said(b"EHLO [192.168.77.11]\r\n"),
    heard(b"250-smtp.example\r\n250 STARTTLS\r\n"),
    said(b"STARTTLS\r\n"),
    heard(b"220 2.0.0 Ready to start TLS\r\n"),
    TLS,
    said(b"EHLO [192.168.77.11]\r\n"),
    heard(b"250-smtp.example\r\n250 AUTH PLAIN\r\n"),
    said(b"MAIL FROM:<a@b.example>\r\n" + noise("letter", 40000)),
    heard(b"250 2.0.0 Ok\r\n"),
)
SMTPS = (TLS, *SUBMISSION[:3])
# RFC 9051 6.2.1, 6.3.13.
_IMAP = (
    heard(b"* OK IMAP4rev2 ready\r\n"),
    said(b"a1 CAPABILITY\r\n"),
    heard(b"* CAPABILITY IMAP4rev2 STARTTLS IDLE\r\na1 OK\r\n"),
)
IMAP = (
    *_IMAP,
    said(b"a2 STARTTLS\r\n"),
    heard(b"a2 OK Begin TLS\r\n"),
    TLS,
    said(b"a3 IDLE\r\n"),
    heard(b"+ idling\r\n"),
)
IMAPS = (TLS, *_IMAP, said(b"a2 IDLE\r\n"), heard(b"+ idling\r\n"), rest(5.0), heard(b"* 4 EXISTS\r\n"))
POP3S = (TLS, heard(b"+OK\r\n"), said(b"CAPA\r\n"), heard(b"+OK\r\nUIDL\r\n.\r\n"))
# RFC 959, 3659.
FTP = (
    heard(b"220-Welcome\r\n220 ftp.example\r\n"),
    said(b"USER anonymous\r\n"),
    heard(b"331 Any password\r\n"),
    said(b"PASS a@b.example\r\n"),
    heard(b"230 Logged in\r\n"),
    said(b"EPSV\r\n"),
    heard(b"229 Entering Extended Passive Mode (|||50021|)\r\n"),
)
FTP_DOWN = (heard(noise("file", 300000)),)
FTP_UP = (said(noise("upload", 600000)), heard(b"!"))
# MQTT 3.1.1, section 3.1; XMPP (RFC 6120 4.2, 5.4); IRC (RFC 2812); RTMP 1.0, 5.2; RTSP (RFC 7826).
_CONNECT = b"\x10\x1f\x00\x04MQTT\x04\x02\x00\x3c\x00\x13lamp-0a-kitchen-wh1"
MQTT = (said(_CONNECT), heard(b"\x20\x02\x00\x00"), rest(3.0), said(b"\xc0\x00"), heard(b"\xd0\x00"))
XMPP = (
    said(b"<?xml version='1.0'?><stream:stream to='jabber.example' xmlns='jabber:client' version='1.0'>"),
    heard(b"<?xml version='1.0'?><stream:stream id='1'><stream:features><starttls/></stream:features>"),
    said(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    heard(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    TLS,
    said(b"<stream:stream to='jabber.example' version='1.0'>"),
    heard(b"<stream:stream id='2'>"),
)
IRC = (
    said(b"CAP LS 302\r\nNICK anna7\r\nUSER anna 0 * :Anna\r\n"),
    heard(b":irc.example 001 anna7 :Welcome\r\n"),
)
RTMP = (
    said(b"\x03" + bytes(8) + noise("c1", 1528)),
    heard(b"\x03" + bytes(8) + noise("s1", 1528) + noise("s2", 1536)),
    said(noise("c2", 1536) + b"\x03\x00\x00\x00\x00\x00\xb2\x14" + noise("connect", 170)),
    heard(noise("result", 300)),
    said(noise("picture of a stream", 400000)),
    heard(noise("ack", 16)),
)
RTSP = (
    said(b"OPTIONS rtsp://cam.example/1 RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    heard(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n"),
)
SSH = (heard(b"SSH-2.0-OpenSSH_10.0\r\n"), said(b"SSH-2.0-OpenSSH_10.0\r\n"), heard(noise("kexinit", 1080)))
PUSH = (TLS, said(noise("login", 200)), heard(noise("welcome", 90)), rest(5.0), heard(noise("wake up", 40)))

_OLD = AgeBand.AGE_13_15
_YOUNG = AgeBand.AGE_6_9

PHONES = (
    Talk("wifi-calling", "udp", EPDG, 500, CARRIER, "RFC 7296, 3GPP TS 23.003", _YOUNG),
    Talk("wifi-calling-voice", "udp", EPDG, 4500, CALLING, "RFC 3948", _YOUNG),
    Talk("ntp", "udp", "time.android.com", 123, NTP, "RFC 5905", _YOUNG),
    Talk("ntp-pool", "udp", "2.pool.ntp.org", 123, NTP, "RFC 5905", _YOUNG),
    Talk("ntp-by-address", "udp", "time.thing.example", 123, NTP, "RFC 5905", asks=False),
    Talk("meet", "udp", "meet.turn.example", 19305, MEETING, "RFC 8489, RFC 9147", asks=False),
    Talk("teams", "udp", "teams.turn.example", 3478, MEETING, "RFC 8489, RFC 9147", asks=False),
    Talk("facetime", "udp", "facetime.example", 16393, MEETING, "RFC 8489", asks=False),
    Talk("dtls-at-once", "udp", "webrtc.example", 50004, _dtls(None), "RFC 9147", asks=False),
    Talk("coaps", "udp", "coaps.thing.example", 5684, _dtls("coaps.thing.example"), "RFC 9147, RFC 7252"),
    Talk("zoom", "udp", "zoom.mmr.example", 8801, ZOOM, "Wireshark, packet-zoom", asks=False),
    Talk("sip", "udp", "sip.example", 5060, SIP * 20, "RFC 3261", asks=False),
    Talk("rtp-at-once", "udp", "rtp.example", 31337, RTP, "RFC 3550", asks=False),
    Talk("lecture-upwards", "udp", "srt.example", 9710, UPLOAD, "draft-sharabayko-srt", asks=False),
    Talk("coap", "udp", "coap.thing.example", 5683, COAP, "RFC 7252", asks=False),
    Talk("whatsapp", "tcp", "g.whatsapp.net", 5222, WHATSAPP, "whatsmeow, socket/constants"),
    Talk("whatsapp-by-address", "tcp", "e1.whatsapp.example", 443, WHATSAPP, "the same", asks=False),
    Talk("telegram", "tcp", "dc2.telegram.example", 443, OBFUSCATED, "MTProto transports", asks=False),
    Talk("telegram-5222", "tcp", "dc4.telegram.example", 5222, OBFUSCATED, "MTProto transports", asks=False),
    Talk("telegram-80", "tcp", "dc3.telegram.example", 80, OBFUSCATED, "MTProto transports", asks=False),
    Talk("telegram-intermediate", "tcp", "dc5.telegram.example", 443, INTERMEDIATE, "the same", asks=False),
    Talk("telegram-abridged", "tcp", "dc1.telegram.example", 443, ABRIDGED, "the same", asks=False),
    Talk("fcm", "tcp", "mtalk.google.com", 5228, PUSH, "Firebase, FCM ports", _YOUNG),
    Talk("fcm-5230", "tcp", "alt3-mtalk.google.com", 5230, PUSH, "Firebase, FCM ports", _YOUNG),
    Talk("apns", "tcp", "21-courier.push.apple.com", 5223, PUSH, "Apple, HT203609", _YOUNG),
    Talk(
        "apns-443", "tcp", "22-courier.push.apple.com", 443, PUSH, "Apple, HT203609", _YOUNG,
        alpn=("apns-security-v3", "apns-pack-v1"),
    ),
    Talk("submission", "tcp", "smtp.post.example", 587, SUBMISSION, "RFC 6409, RFC 3207"),
    Talk("submission-gmail", "tcp", "smtp.gmail.com", 587, SUBMISSION, "RFC 6409, RFC 3207"),
    Talk("smtps", "tcp", "smtp.mail.ru", 465, SMTPS, "RFC 8314"),
    Talk("imaps", "tcp", "imap.gmail.com", 993, IMAPS, "RFC 8314"),
    Talk("imap-starttls", "tcp", "imap.post.example", 143, IMAP, "RFC 9051"),
    Talk("pop3s", "tcp", "pop.mail.ru", 995, POP3S, "RFC 8314"),
    Talk("ftp", "tcp", "ftp.files.example", 21, FTP, "RFC 959"),
    Talk("ftp-download", "tcp", "ftp.files.example", 50021, FTP_DOWN, "RFC 959"),
    Talk("ftp-upload", "tcp", "up.files.example", 50022, FTP_UP, "RFC 959"),
    Talk("mqtt", "tcp", "mqtt.thing.example", 1883, MQTT, "MQTT 3.1.1"),
    Talk("mqtts", "tcp", "a1.iot.example", 8883, (TLS, *MQTT), "MQTT 3.1.1"),
    Talk("xmpp", "tcp", "jabber.example", 5222, XMPP, "RFC 6120"),
    Talk("irc", "tcp", "irc.example", 6667, IRC, "RFC 2812"),
    Talk("rtmp", "tcp", "live.rtmp.example", 1935, RTMP, "RTMP 1.0", asks=False),
    Talk("rtsp", "tcp", "cam.example", 554, RTSP, "RFC 7826", asks=False),
    Talk("ssh", "tcp", "git.example", 2222, SSH, "RFC 4253", _OLD),
)  # fmt: skip
