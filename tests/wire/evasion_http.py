"""Requests of plain HTTP that filters and servers read differently."""

from __future__ import annotations

from gateway.wire.ip.packet import ACK, PSH, URG
from tests.wire.evasion_moves import (
    fake,
    get,
    in_order,
    middle_of,
    reversed_order,
    sized,
)
from tests.wire.flow_forge import ALLOWED, DECOY, HTTP_OK, Talk


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
