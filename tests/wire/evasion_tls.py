"""Hellos in pieces, out of order, and beside segments that the server never takes."""

from __future__ import annotations

import random

from gateway.wire.ip.packet import ACK, PSH, URG
from tests.wire.evasion_moves import (
    MD5_OPTION,
    OLD_TIMESTAMP,
    fake,
    get,
    in_order,
    middle_of,
    reversed_order,
    sized,
    tls,
    tls_padding,
)
from tests.wire.flow_forge import DECOY, Talk, with_bad_checksum
from tests.wire.tls_forge import (
    client_hello,
    records,
)


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
