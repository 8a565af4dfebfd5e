"""Hellos that open by themselves, are large, odd, or come behind something else."""

from __future__ import annotations

from gateway.wire.ip.packet import SYN
from tests.wire.evasion_moves import (
    fake,
    in_order,
    middle_of,
    reversed_order,
    sized,
    tls,
    tls_padding,
)
from tests.wire.flow_forge import ALLOWED, DECOY, RETRY, Talk, with_bad_checksum
from tests.wire.tls_forge import (
    CHANGE_CIPHER_SPEC,
    ECH,
    WARNING_ALERT,
    client_hello,
    counted,
    ech,
    extension,
    records,
    server_name,
)


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


def t41_fakedsplit_of_hellos(talk: Talk, name: str) -> None:
    """Behind a fake; the fakes are another hello, again and again."""
    data = tls(name, padding_before_sni=1100)
    fake(talk, tls(DECOY))
    cut, other = middle_of(data, name), tls(DECOY) * 9
    for start, end in ((0, cut), (cut, len(data))):
        fake(talk, other[start:end], start)
        talk.client(data[start:end], at=start)
        fake(talk, other[start:end], start)


def t41_fake_multidisorder(talk: Talk, name: str) -> None:
    """nfqws: one fake of a whole hello, then the real one in seven pieces, the last one first."""
    data = tls(name)
    start, middle = data.index(name.encode()), middle_of(data, name)
    fake(talk, tls(DECOY, after=tls_padding(8)))
    cuts = (1, start - 4, start + 2, middle, start + len(name) - 2, len(data) - 10)
    reversed_order(talk, data, *cuts)


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
