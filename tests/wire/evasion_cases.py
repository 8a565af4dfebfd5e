"""The ways in which tools send a hello or a request past filters, packet by packet.

Each case sends what a client would send for one name, in its own manner. Names are those of the table in the
project's list of evasions; where two tools do the same, one case stands for both.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from gateway.wire.ip import ACK, PSH, SYN, URG
from tests.wire.flow_forge import ALLOWED, DECOY, HTTP_OK, RETRY, Talk, with_bad_checksum, with_ttl
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
    CHANGE_CIPHER_SPEC,
    ECH,
    WARNING_ALERT,
    client_hello,
    counted,
    ech,
    extension,
    records,
    server_hello,
    server_name,
)

Case = Callable[[Talk, str], None]

MD5_OPTION = bytes([19, 18]) + bytes(16)
OLD_TIMESTAMP = b"\x01\x01\x08\x0a" + bytes(8)


def tls(name: str | None, **how: object) -> bytes:
    return records(client_hello(name, **how))  # type: ignore[arg-type]


def middle_of(data: bytes, name: str) -> int:
    return data.index(name.encode()) + len(name) // 2


def in_order(talk: Talk, data: bytes, *cuts: int) -> None:
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        talk.client(data[start:end])


def reversed_order(talk: Talk, data: bytes, *cuts: int) -> None:
    for start, end in reversed(list(zip((0, *cuts), (*cuts, len(data)), strict=True))):
        talk.client(data[start:end], at=start)


def sized(data: bytes, size: int) -> tuple[int, ...]:
    return tuple(range(size, len(data), size))


def fake(talk: Talk, data: bytes, at: int = 0, *, ttl: int = 3, **how: int | bytes) -> None:
    """A segment that dies on the way to the server."""
    talk.raw(with_ttl(talk.segment(data, at, **how), ttl))  # type: ignore[arg-type]


def t00_plain(talk: Talk, name: str) -> None:
    talk.client(tls(name))


def t01_split1(talk: Talk, name: str) -> None:
    in_order(talk, tls(name), 1)


def t02_split_midsni(talk: Talk, name: str) -> None:
    data = tls(name)
    in_order(talk, data, middle_of(data, name))


def t03_pq_2seg_sni_first(talk: Talk, name: str) -> None:
    in_order(talk, tls(name, after=tls_padding(1000)), 600)


def t04_pq_2seg_sni_second(talk: Talk, name: str) -> None:
    in_order(talk, tls(name, post_quantum=True), 1208)


def t05_tiny_5b(talk: Talk, name: str) -> None:
    data = tls(name)
    in_order(talk, data, *sized(data, 5))


def t06_disorder(talk: Talk, name: str) -> None:
    data = tls(name)
    reversed_order(talk, data, middle_of(data, name))


def t07_disorder_3(talk: Talk, name: str) -> None:
    data = tls(name)
    reversed_order(talk, data, 1, middle_of(data, name))


def t08_pq_disorder(talk: Talk, name: str) -> None:
    reversed_order(talk, tls(name, post_quantum=True), 1208)


def t09_seqovl_left_of_the_window(talk: Talk, name: str) -> None:
    """The server has the numbers before its first already: it cuts them off."""
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(bytes(336) + data[:cut], at=-336)
    talk.client(data[cut:], at=cut)


def t09_seqovl_with_a_whole_hello(talk: Talk, name: str) -> None:
    data, before = tls(name), tls(DECOY)
    talk.client(before + data[:20], at=-len(before))
    talk.client(data[20:], at=20)


def t09_seqovl_inside_a_hello(talk: Talk, name: str) -> None:
    """The bytes left of the window begin a hello, in whose padding the real one lies."""
    data = tls(name)
    outer = tls(DECOY, after=tls_padding(len(data)))
    before = outer[: -len(data)]
    talk.client(before + data, at=-len(before))


def t10_seqovl_in_the_window(talk: Talk, name: str) -> None:
    """The second part first, with junk before it where the first part then goes."""
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(b"\0" * (cut - 1) + data[cut:], at=1)
    talk.client(data[:cut], at=0)


def t11_tiny_5b_shuffled(talk: Talk, name: str) -> None:
    data = tls(name)
    parts = [(at, data[at : at + 5]) for at in range(0, len(data), 5)]
    random.Random(name).shuffle(parts)
    for at, part in parts:
        talk.client(part, at=at)


def t12_rec_split_midsni(talk: Talk, name: str) -> None:
    message = client_hello(name)
    talk.client(records(message, middle_of(message, name), len(message)))


def t14_rec_split_10b(talk: Talk, name: str) -> None:
    talk.client(records(client_hello(name), 10))


def t14_rec_split_1b(talk: Talk, name: str) -> None:
    talk.client(records(client_hello(name), 1))


def t15_rec_and_tcp_split(talk: Talk, name: str) -> None:
    message = client_hello(name)
    data = records(message, middle_of(message, name), len(message))
    second = data.index(b"\x16\x03\x01", 1)
    in_order(talk, data, 3, second + 2, second + 4)


def t16_fake_ttl(talk: Talk, name: str) -> None:
    fake(talk, tls(DECOY))
    talk.client(tls(name))


def t16_fake_ttl_after(talk: Talk, name: str) -> None:
    talk.client(tls(name))
    fake(talk, tls(DECOY))


def t16_fake_ttl_six_times_then_split(talk: Talk, name: str) -> None:
    data = tls(name)
    for _ in range(6):
        fake(talk, tls(DECOY))
    in_order(talk, data, 1, middle_of(data, name))


def t16_fake_ttl_random_each_time(talk: Talk, name: str) -> None:
    for turn in range(6):
        fake(talk, tls(DECOY, random=bytes([turn]) * 32))
    talk.client(tls(name))


def t16_fake_ttl_longer_than_the_real_one(talk: Talk, name: str) -> None:
    fake(talk, tls(DECOY, post_quantum=True))
    talk.client(tls(name))


def t16_fake_zeros(talk: Talk, name: str) -> None:
    fake(talk, bytes(517))
    talk.client(tls(name))


def t16_fake_http(talk: Talk, name: str) -> None:
    fake(talk, get(DECOY))
    talk.client(tls(name))


def t17_fake_badsum(talk: Talk, name: str) -> None:
    talk.raw(with_bad_checksum(talk.segment(tls(DECOY), 0)))
    talk.client(tls(name))


def t18_fake_badseq(talk: Talk, name: str) -> None:
    talk.client(tls(DECOY), at=-10000, decoy=True)
    talk.client(tls(name), at=0)


def t18_fake_badseq_ahead(talk: Talk, name: str) -> None:
    talk.client(tls(DECOY), at=+66000, decoy=True)
    talk.client(tls(name), at=0)


def t19_fake_badack(talk: Talk, name: str) -> None:
    talk.client(tls(DECOY), at=0, decoy=True, ack=-66000)
    talk.client(tls(name), at=0)


def t20_fake_md5(talk: Talk, name: str) -> None:
    talk.client(tls(DECOY), at=0, decoy=True, options=MD5_OPTION)
    talk.client(tls(name), at=0)


def t21_fake_noack(talk: Talk, name: str) -> None:
    talk.client(tls(DECOY), at=0, decoy=True, flags=PSH)
    talk.client(tls(name), at=0)


def t22_fake_pastseq(talk: Talk, name: str) -> None:
    data = tls(DECOY)
    talk.client(data, at=-len(data), decoy=True)
    talk.client(tls(name), at=0)


def t22_fake_old_timestamp(talk: Talk, name: str) -> None:
    talk.client(tls(DECOY), at=0, decoy=True, options=OLD_TIMESTAMP)
    talk.client(tls(name), at=0)


def t25_oob(talk: Talk, name: str) -> None:
    """One urgent byte inside the name, which the server does not read in the stream."""
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(data[:cut] + b"a", flags=ACK | PSH | URG, urgent=cut + 1)
    talk.client(data[cut:])


def t25_oob_by_the_other_rule(talk: Talk, name: str) -> None:
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(data[:cut] + b"a", flags=ACK | PSH | URG, urgent=cut)
    talk.client(data[cut:])


def t25_oob_disorder(talk: Talk, name: str) -> None:
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(data[cut:], at=cut + 1)
    talk.client(data[:cut] + b"\xff", at=0, flags=ACK | PSH | URG, urgent=cut + 1)


def t25_oob_announced_ahead(talk: Talk, name: str) -> None:
    """An empty segment points at a byte that comes later."""
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(b"", flags=ACK | URG, urgent=cut + 1)
    talk.client(data[:cut] + b"a" + data[cut:])


def t26_fake_syndata(talk: Talk, name: str) -> None:
    """Data on a SYN that the server passes over."""
    talk.client(tls(DECOY), at=-1, decoy=True, flags=SYN)
    talk.client(tls(name), at=0)


def t27_tfo(talk: Talk, name: str) -> None:
    data = tls(name)
    talk.client(data, at=-1, flags=SYN)


def t27_tfo_in_part(talk: Talk, name: str) -> None:
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(data[:cut], at=-1, flags=SYN)
    talk.client(data[cut:], at=cut)


def t28_huge_6k(talk: Talk, name: str) -> None:
    data = tls(name, padding_before_sni=6000)
    in_order(talk, data, *sized(data, 1400))


def t30_case(talk: Talk, name: str) -> None:
    talk.client(tls(name.title()))


def t31_dot(talk: Talk, name: str) -> None:
    talk.client(tls(name + "."))


def t32_alert_first(talk: Talk, name: str) -> None:
    talk.client(WARNING_ALERT + tls(name))


def t33_ccs_first(talk: Talk, name: str) -> None:
    talk.client(CHANGE_CIPHER_SPEC + tls(name))


def t33_ccs_in_the_middle(talk: Talk, name: str) -> None:
    message = client_hello(name)
    cut = middle_of(message, name)
    talk.client(records(message[:cut]) + CHANGE_CIPHER_SPEC + records(message[cut:]))


def t34_recver_0303(talk: Talk, name: str) -> None:
    talk.client(records(client_hello(name), version=0x0303))


def t34_recver_odd(talk: Talk, name: str) -> None:
    talk.client(records(client_hello(name), version=0x0305))


def t39_rst_badsum(talk: Talk, name: str) -> None:
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(data[:cut])
    talk.raw(with_bad_checksum(talk.segment(b"", cut, flags=0x04)))
    talk.client(data[cut:])


def t39_rst_ttl(talk: Talk, name: str) -> None:
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(data[:cut])
    fake(talk, b"", cut, flags=0x04)
    talk.client(data[cut:])


def t40_ech_grease(talk: Talk, name: str) -> None:
    talk.client(tls(name, after=ech()))


def t41_fakedsplit(talk: Talk, name: str) -> None:
    """nfqws: each part among fakes of its own."""
    data = tls(name)
    cut = middle_of(data, name)
    for start, end in ((0, cut), (cut, len(data))):
        fake(talk, bytes(end - start), start)
        talk.client(data[start:end], at=start)
        fake(talk, bytes(end - start), start)


def t41_fakeddisorder(talk: Talk, name: str) -> None:
    data = tls(name)
    cut = middle_of(data, name)
    for start, end in ((cut, len(data)), (0, cut)):
        fake(talk, bytes(end - start), start)
        talk.client(data[start:end], at=start)
        fake(talk, bytes(end - start), start)


def t42_hostfakesplit(talk: Talk, name: str) -> None:
    """Only the name is overlaid by another one of its length."""
    data = tls(name)
    start = data.index(name.encode())
    end = start + len(name)
    other = ("x" * len(name)).encode()
    talk.client(data[:start])
    fake(talk, other, start)
    talk.client(data[start:end], at=start)
    fake(talk, other, start)
    talk.client(data[end:], at=end)


def t43_first_wins_here_and_last_wins_there(talk: Talk, name: str) -> None:
    """One segment repeats what the server has with junk, and brings what it has not."""
    data = tls(name)
    cut = middle_of(data, name)
    talk.client(data[:cut], at=0)
    talk.client(b"\0" * (len(data) - cut - 8), at=cut + 8)
    talk.client(bytes(cut) + data[cut:], at=0)


def t44_retry_names_another_host(talk: Talk, name: str) -> None:
    talk.client(tls(ALLOWED))
    talk.server(RETRY)
    talk.client(CHANGE_CIPHER_SPEC + tls(name))


def _before(talk: Talk, name: str, data: bytes) -> None:
    """A decoy as long as the first segment dies on the way; then what servers read and no client sends."""
    room = min(len(data), 1400) - len(tls(DECOY)) - 4
    fake(talk, tls(DECOY, after=tls_padding(room) if room >= 0 else b""))
    in_order(talk, data, *sized(data, 1400))


def t50_empty_ech(talk: Talk, name: str) -> None:
    _before(talk, name, tls(name, after=extension(ECH)))


def t50_odd_ech(talk: Talk, name: str) -> None:
    _before(talk, name, tls(name, before=extension(ECH, b"\x07")))


def t51_hello_of_17k(talk: Talk, name: str) -> None:
    _before(talk, name, records(client_hello(name, padding_before_sni=16_700), 16_000))


def t52_name_of_another_type_first(talk: Talk, name: str) -> None:
    names = b"\x07" + counted(b"zz", 2) + b"\x00" + counted(name.encode(), 2)
    _before(talk, name, tls(None, before=extension(0, counted(names, 2))))


def t53_two_names(talk: Talk, name: str) -> None:
    _before(talk, name, tls(None, before=server_name(DECOY.encode(), name.encode())))


def t54_an_extension_twice(talk: Talk, name: str) -> None:
    _before(talk, name, tls(name, after=extension(35)))


# Of these even an allowed name is refused where faults are: no correct client sends them.
ODD_TLS_CASES: list[Case] = [case for key, case in sorted(globals().items()) if key.startswith("t5")]
TLS_CASES: list[Case] = [
    case for key, case in sorted(globals().items()) if key[:2] in ("t0", "t1", "t2", "t3", "t4")
]


def tls_padding(count: int) -> bytes:
    return b"\x00\x15" + count.to_bytes(2, "big") + bytes(count)


# ------------------------------------------------------------------------------ plain HTTP


def get(name: str, host: str = "Host: {}", before: str = "", eol: str = "\r\n", method: str = "GET") -> bytes:
    lines = [f"{method} / HTTP/1.1", *([before] if before else []), host.format(name), "Accept: */*", "", ""]
    return eol.join(lines).encode()


def h00_plain(talk: Talk, name: str) -> None:
    talk.client(get(name))


def h01_split_host(talk: Talk, name: str) -> None:
    data = get(name)
    in_order(talk, data, middle_of(data, name))


def h02_split_host_disorder(talk: Talk, name: str) -> None:
    data = get(name)
    reversed_order(talk, data, middle_of(data, name))


def h03_split_method(talk: Talk, name: str) -> None:
    in_order(talk, get(name), 2)


def h04_hostcase(talk: Talk, name: str) -> None:
    talk.client(get(name, "hoSt: {}"))


def h05_nospace(talk: Talk, name: str) -> None:
    talk.client(get(name, "Host:{}"))


def h06_tab(talk: Talk, name: str) -> None:
    talk.client(get(name, "Host:\t{}"))


def h07_dot(talk: Talk, name: str) -> None:
    talk.client(get(name, "Host: {}."))


def h08_domcase(talk: Talk, name: str) -> None:
    talk.client(get(name.title()))


def h10_unixeol(talk: Talk, name: str) -> None:
    talk.client(get(name, eol="\n"))


def h11_hostpad(talk: Talk, name: str) -> None:
    data = get(name, before="X-Padding: " + "x" * 3000)
    in_order(talk, data, *sized(data, 1400))


def h12_pipelined(talk: Talk, name: str) -> None:
    talk.client(get(ALLOWED) + get(name))


def h13_keepalive2(talk: Talk, name: str) -> None:
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    talk.client(get(name))


def h14_keepalive2_split_disorder(talk: Talk, name: str) -> None:
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    start, data = talk.end, get(name)
    cut = middle_of(data, name)
    talk.client(data[cut:], at=start + cut)
    talk.client(data[:cut], at=start)


def h16_hostport(talk: Talk, name: str) -> None:
    talk.client(get(name, "Host: {}:80"))


def h17_absolute(talk: Talk, name: str) -> None:
    talk.client(get(name).replace(b"GET /", b"GET http://" + name.encode() + b"/"))


def h18_tiny(talk: Talk, name: str) -> None:
    data = get(name)
    in_order(talk, data, *sized(data, 3))


def h18_tiny_with_a_method_of_its_own(talk: Talk, name: str) -> None:
    data = get(name, method="OPTIONS").replace(b" / ", b" /" + b"x" * 60 + b" ")
    in_order(talk, data, *sized(data, 3))


def h19_methodeol(talk: Talk, name: str) -> None:
    talk.client(b"\r\n" + get(name))


def h20_fake_ttl(talk: Talk, name: str) -> None:
    fake(talk, get(DECOY))
    talk.client(get(name))


def h20_fake_ttl_then_split(talk: Talk, name: str) -> None:
    data = get(name)
    fake(talk, get(DECOY, before="X: " + "y" * 100))
    in_order(talk, data, 2, middle_of(data, name))


def h21_seqovl(talk: Talk, name: str) -> None:
    data = get(name)
    talk.client(bytes(100) + data[:30], at=-100)
    talk.client(data[30:], at=30)


def h21_seqovl_with_a_post(talk: Talk, name: str) -> None:
    """Left of the window begins a request whose body is all that follows."""
    before = get(DECOY, before="Content-Length: 5000", method="POST")
    talk.client(before + get(name), at=-len(before))


def h22_oob(talk: Talk, name: str) -> None:
    data = get(name)
    cut = middle_of(data, name)
    talk.client(data[:cut] + b"a", flags=ACK | PSH | URG, urgent=cut + 1)
    talk.client(data[cut:])


def _beside_a_decoy(talk: Talk, data: bytes) -> None:
    """A request whose body is the rest of the first segment dies on the way."""
    start = get(DECOY, before=f"Content-Length: {max(len(data), 1400)}", method="POST")
    fake(talk, (start + bytes(len(data)))[: max(len(start), min(len(data), 1400))])
    in_order(talk, data, *sized(data, 1400))


def h50_two_hosts(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, get(name, before="Host: x"))


def h50_absolute_beside_a_bad_host(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, get("a!b").replace(b"GET /", b"GET http://" + name.encode() + b"/"))


def h51_head_of_17k(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, get(name, before="\r\n".join(f"X-{i}: " + "y" * 5800 for i in range(3))))


def h52_two_lengths(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, get(name, before="Content-Length: 0\r\nContent-Length: 00"))


def h52_length_beside_chunks(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, get(name, before="Transfer-Encoding: chunked\r\nContent-Length: 5"))


def h52_identity(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, get(name, before="Transfer-Encoding: identity"))


def h52_blank_before_a_colon(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, get(name, before="Content-Length : 0"))


def h53_lone_cr(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, get(name, before="X: y\r\n\rZ: z"))


def h54_http_0_9(talk: Talk, name: str) -> None:
    _beside_a_decoy(talk, b"GET http://" + name.encode() + b"/\r\n")


# As ODD_TLS_CASES.
ODD_HTTP_CASES: list[Case] = [case for key, case in sorted(globals().items()) if key.startswith("h5")]


def h30_pri(talk: Talk, name: str) -> None:
    """The method of HTTP/2's preface in a request that is none."""
    talk.client(get(name, method="PRI"))


def h31_pri_after_an_answer(talk: Talk, name: str) -> None:
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    talk.client(get(ALLOWED, method="PRI"))
    talk.client(get(name))


def h32_upgrade_ignored(talk: Talk, name: str) -> None:
    talk.client(get(ALLOWED, before="Connection: Upgrade\r\nUpgrade: x"))
    talk.server(HTTP_OK)
    talk.client(get(name, method="A" * 33))


def h33_upgrade_of_a_later_request(talk: Talk, name: str) -> None:
    """Its answer is not seen any more; the server has ignored it, and passes over a blank."""
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    talk.client(get(ALLOWED, before="Upgrade: x") + b"\0" + get(name))


def h34_connect_and_a_long_method(talk: Talk, name: str) -> None:
    talk.client(get(ALLOWED, before="Upgrade: x") + get(name, method="A" * 33))


HTTP_CASES: list[Case] = [
    case for key, case in sorted(globals().items()) if key[:2] in ("h0", "h1", "h2", "h3")
]


# ------------------------------------------------------------------------------ QUIC

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


QUIC_CASES: list[Case] = [case for key, case in sorted(globals().items()) if key[:2] in ("q0", "q1", "q2")]


def quic_answer(case: Case) -> bytes:
    """The server's first datagram in answer to what ``case`` sent."""
    dcid = bytes(range(20)) if case is q14_dcid20 else DCID
    version = V2 if case is q01_v2 else V1
    frames = ack() + crypto(0, server_hello())
    initial = encrypt_initial(
        frames, dcid=b"", scid=SERVER_ID, key_dcid=dcid, server=True, pad_to=400, version=version
    )
    return initial + protected("handshake", b"", SERVER_ID, size=700)
