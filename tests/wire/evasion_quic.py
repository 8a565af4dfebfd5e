"""Datagrams of QUIC that hide the hello."""

from __future__ import annotations

from tests.wire.evasion_moves import (
    Case,
    middle_of,
)
from tests.wire.flow_forge import ALLOWED, DECOY, Talk
from tests.wire.quic_forge import (
    PING,
    V1,
    V2,
    ack,
    crypto,
    datagrams,
    encrypt_initial,
    padding,
    pieces,
    protected,
    retry,
    scrambled,
    version_negotiation,
)
from tests.wire.tls_forge import (
    client_hello,
    server_hello,
)

DCID = bytes.fromhex("0102030405060708")
SERVER_ID = bytes.fromhex("b1b2b3b4b5b6b7b8")


def quic(name: str, **how: object) -> bytes:
    how = {"dcid": DCID} | how
    return encrypt_initial(crypto(0, client_hello(name)), **how)  # type: ignore[arg-type]


def big(name: str) -> bytes:
    return client_hello(name, post_quantum=True)


def q00_plain(talk: Talk, name: str) -> None:
    talk.datagram(quic(name))


def q01_v2(talk: Talk, name: str) -> None:
    talk.datagram(quic(name, version=V2))


def q03_scrambled_1pkt(talk: Talk, name: str) -> None:
    talk.datagram(encrypt_initial(b"".join(scrambled(client_hello(name), 37)), dcid=DCID))


def q04_2pkt_inorder(talk: Talk, name: str) -> None:
    for datagram in datagrams(pieces(big(name), 800), 2, dcid=DCID):
        talk.datagram(datagram)


def q05_2pkt_reversed(talk: Talk, name: str) -> None:
    for datagram in reversed(datagrams(pieces(big(name), 800), 2, dcid=DCID)):
        talk.datagram(datagram)


def q06_2pkt_scrambled(talk: Talk, name: str) -> None:
    for datagram in datagrams(scrambled(big(name), 113), 2, dcid=DCID):
        talk.datagram(datagram)


def q07_sni_split_across(talk: Talk, name: str) -> None:
    hello = client_hello(name)
    cut = middle_of(hello, name)
    talk.datagram(encrypt_initial(crypto(cut, hello[cut:]), dcid=DCID, number=0))
    talk.datagram(encrypt_initial(crypto(0, hello[:cut]), dcid=DCID, number=1))


def q09_fake_badtag(talk: Talk, name: str) -> None:
    talk.datagram(quic(DECOY, broken_tag=True))
    talk.datagram(quic(name))


def q11_fake_zeros(talk: Talk, name: str) -> None:
    talk.datagram(bytes(64))
    talk.datagram(quic(name))


def q11_fake_zeros_many(talk: Talk, name: str) -> None:
    for _ in range(12):
        talk.datagram(bytes(64))
    talk.datagram(quic(name))


def q12_token(talk: Talk, name: str) -> None:
    talk.datagram(quic(name, token=b"t" * 60))


def q13_pn4(talk: Talk, name: str) -> None:
    talk.datagram(quic(name, number_size=4, number=7))


def q14_dcid20(talk: Talk, name: str) -> None:
    talk.datagram(quic(name, dcid=bytes(range(20)), scid=b""))


def q15_coalesced(talk: Talk, name: str) -> None:
    hello = client_hello(name)
    cut = middle_of(hello, name)
    first = encrypt_initial(crypto(0, hello[:cut]), dcid=DCID, pad_to=0)
    second = encrypt_initial(crypto(cut, hello[cut:]), dcid=DCID, number=1, pad_to=0)
    talk.datagram(first + second + protected("0-rtt", DCID, size=300))


def q16_ack_first(talk: Talk, name: str) -> None:
    talk.datagram(encrypt_initial(ack() + PING + crypto(0, client_hello(name)), dcid=DCID))


def q17_dup_overlap(talk: Talk, name: str) -> None:
    hello = client_hello(name)
    frames = crypto(50, hello[50:]) + crypto(0, hello[:120]) + crypto(0, hello[:120])
    talk.datagram(encrypt_initial(frames, dcid=DCID))


def q18_two_connections(talk: Talk, name: str) -> None:
    talk.datagram(quic(DECOY, dcid=b"decoyid1"))
    talk.datagram(quic(name))


def q18_two_connections_in_one_datagram(talk: Talk, name: str) -> None:
    talk.datagram(quic(DECOY, dcid=b"decoyid1", pad_to=600) + quic(name, pad_to=600))


def q20_padfront(talk: Talk, name: str) -> None:
    talk.datagram(encrypt_initial(padding(500) + crypto(0, client_hello(name)), dcid=DCID))


def q21_version_negotiation(talk: Talk, name: str) -> None:
    """An answer that is none, between two halves of the hello."""
    hello = client_hello(name)
    talk.datagram(encrypt_initial(crypto(0, hello[:100]), dcid=DCID))
    talk.answer(version_negotiation(b"", DCID, V2))
    talk.answer(encrypt_initial(ack(), dcid=b"", scid=SERVER_ID, key_dcid=DCID, server=True))
    talk.datagram(encrypt_initial(crypto(100, hello[100:]), dcid=DCID, number=1))


def q22_8pkt(talk: Talk, name: str) -> None:
    for datagram in datagrams(pieces(big(name), 200), 8, dcid=DCID):
        talk.datagram(datagram)


def q23_retry_names_another_host(talk: Talk, name: str) -> None:
    talk.datagram(quic(ALLOWED, dcid=b"firstid1"))
    talk.answer(retry(b"", DCID))
    talk.datagram(quic(name, token=b"token"))


def q24_gap_pn_dcid2(talk: Talk, name: str) -> None:
    hello = client_hello(name)
    talk.datagram(encrypt_initial(crypto(0, hello[:100]), dcid=DCID, number=0))
    second = crypto(100, hello[100:])
    talk.datagram(encrypt_initial(second, dcid=SERVER_ID, key_dcid=DCID, number=200, number_size=2))


def q25_number_far_ahead(talk: Talk, name: str) -> None:
    """By the number of a packet that dies on the way the next one's is misread: the server expects 301."""
    talk.datagram(encrypt_initial(PING, dcid=DCID, number=300))
    talk.datagram(encrypt_initial(PING, dcid=DCID, number=1 << 30, number_size=4))
    talk.datagram(quic(name, number=301, number_size=1))


def quic_answer(case: Case) -> bytes:
    """The server's first datagram in answer to what ``case`` sent."""
    dcid = bytes(range(20)) if case is q14_dcid20 else DCID
    version = V2 if case is q01_v2 else V1
    frames = ack() + crypto(0, server_hello())
    initial = encrypt_initial(
        frames, dcid=b"", scid=SERVER_ID, key_dcid=dcid, server=True, pad_to=400, version=version
    )
    return initial + protected("handshake", b"", SERVER_ID, size=700)
