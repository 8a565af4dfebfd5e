"""DTLS: flows are decided by the name in the client's hello, and pass with the server's."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.values import Fault, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.tls.dtls import MAX_DTLS_HELLO, MAX_PARTS, DtlsHellos, dtls_answer
from gateway.wire.tls.hello import ClientHello
from tests.wire.dtls_forge import (
    RETRY,
    SERVER_HELLO,
    VERIFY,
    client_records,
    dtls_hello,
    dtls_record,
    fragment,
)
from tests.wire.dtls_pair import DtlsPair
from tests.wire.flow_forge import ALLOWED, DECOY, REFUSED, Talk, careful, names_only
from tests.wire.flow_quic import STUN, initial
from tests.wire.identity import self_signed
from tests.wire.tls_forge import alpn, server_name
from tests.wire.tunnel_vectors import STUN_ANSWER

HOLD, PASSES = FlowAction.HOLD, FlowAction.PASSES


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dtls") / "server.pem"
    path.write_bytes(self_signed("www.example.com").pem())
    return path


FORMS = {
    "one datagram": {},
    "cookie": {"cookie": True},
    "fragments": {"mtu": 300, "protocols": 60},
    "fragments and cookie": {"mtu": 300, "protocols": 60, "cookie": True},
}


def openssl(certificate: Path, host: str | None, form: str) -> list[tuple[bool, bytes]]:
    pair = DtlsPair(certificate, host=host, **FORMS[form])  # type: ignore[arg-type]
    assert pair.done
    return pair.sent


def play(talk: Talk, sent: list[tuple[bool, bytes]]) -> FlowAction:
    """Send records until the flow is decided. Return the last action."""
    for from_client, record in sent:
        step = talk.datagram(record) if from_client else talk.answer(record)
        if step.action is not HOLD:
            break
    return step.action


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dport", [443, 5684])
def test_openssls_hellos_are_judged_by_name(certificate: Path, version: int, form: str, dport: int) -> None:
    talk = Talk(version=version, dport=dport)
    assert play(talk, openssl(certificate, ALLOWED, form)) is PASSES
    assert talk.bench.hosts == [ALLOWED]
    assert {seen.proto for seen in talk.bench.heard} == {Proto.TLS}
    refused = Talk(version=version, dport=dport)
    assert play(refused, openssl(certificate, REFUSED, form)) is FlowAction.REFUSED
    assert refused.bench.hosts == [REFUSED]
    assert HOLD not in refused.actions[-1:]


@pytest.mark.parametrize("form", FORMS)
def test_hellos_without_a_name_pass_like_other_udp(certificate: Path, form: str) -> None:
    """As in WebRTC. A judge of names is asked once, about the flow."""
    talk = Talk(dport=50000)
    assert play(talk, openssl(certificate, None, form)) is PASSES
    assert [(seen.proto, seen.host, seen.fault) for seen in talk.bench.heard] == [(Proto.UDP, None, None)]


def test_calls_pass_by_the_first_answer_to_stun(certificate: Path) -> None:
    talk = Talk(dport=50000)
    talk.datagram(STUN)
    assert talk.answer(STUN_ANSWER).action is PASSES
    call = Talk(dport=50000)  # the other side's first request is on its way
    call.datagram(client_records(dtls_hello(None))[0])
    assert call.answer(STUN_ANSWER).action is PASSES


def test_a_device_may_be_the_server_of_a_call(certificate: Path) -> None:
    talk = Talk(dport=50000)
    swapped = [(not from_client, record) for from_client, record in openssl(certificate, REFUSED, "cookie")]
    assert play(talk, swapped) is PASSES
    assert [seen.proto for seen in talk.bench.heard] == [Proto.UDP]


CUTS = [(), (1,), (40, 100, 700), (500, 501, 1200), tuple(range(100, 1500, 100))]


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("together", [False, True])
def test_version_1_3_in_any_pieces_and_order(cuts: tuple[int, ...], turn: int, together: bool) -> None:
    records = client_records(dtls_hello(REFUSED), cuts)[::turn]
    talk = Talk()
    for datagram in [b"".join(records)] if together else records:
        talk.datagram(datagram)
    assert set(talk.actions[:-1]) <= {HOLD}
    assert talk.actions[-1] is FlowAction.REFUSED
    allowed = Talk()
    for datagram in client_records(dtls_hello(ALLOWED), cuts)[::turn]:
        assert allowed.datagram(datagram).action is HOLD
    assert allowed.answer(SERVER_HELLO).action is PASSES


def test_a_fragment_in_each_handshake_message_of_one_record() -> None:
    body = dtls_hello(REFUSED)
    parts = b"".join(fragment(1, body, at, at + 200) for at in range(0, len(body), 200))
    assert Talk().datagram(dtls_record(parts)).action is FlowAction.REFUSED


@pytest.mark.parametrize(
    "before",
    [
        b"\x2f" + bytes(30),  # an encrypted record of 1.3
        dtls_record(b"\1\0", kind=21),
        dtls_record(b"\1", kind=20),
        dtls_record(bytes(40), epoch=1),
        dtls_record(b""),
        dtls_record(fragment(1, dtls_hello(ALLOWED), 0, 0)),
        bytes(3),
    ],
    ids=["encrypted", "alert", "cipher", "epoch", "empty", "empty fragment", "junk"],
)
def test_what_a_server_ignores_before_the_hello(before: bytes) -> None:
    assert Talk().datagram(before + client_records(dtls_hello(REFUSED))[0]).action is FlowAction.REFUSED
    talk = Talk()
    talk.datagram(before)
    assert talk.datagram(client_records(dtls_hello(REFUSED))[0]).action is FlowAction.REFUSED


@pytest.mark.parametrize("first", [ALLOWED, None])
@pytest.mark.parametrize("answer", [VERIFY, RETRY], ids=["verify", "retry"])
def test_the_hello_after_a_retry_is_judged(first: str | None, answer: bytes) -> None:
    for second, expected in ((REFUSED, FlowAction.REFUSED), (first, HOLD)):
        talk = Talk()
        talk.datagram(client_records(dtls_hello(first))[0])
        assert talk.answer(answer).action is HOLD
        (hello,) = client_records(dtls_hello(second, cookie=b"a cookie"), number=1)
        assert talk.datagram(hello).action is expected
    assert talk.answer(SERVER_HELLO).action is PASSES


@pytest.mark.parametrize("answer", [STUN_ANSWER, dtls_record(b"\2\x28", kind=21), b"\1" * 40], ids=len)
def test_nothing_but_a_server_hello_answers_a_name(answer: bytes) -> None:
    talk = Talk()
    talk.datagram(client_records(dtls_hello(ALLOWED))[0])
    assert talk.answer(answer).action is HOLD
    assert talk.datagram(client_records(dtls_hello(REFUSED))[0]).action is FlowAction.REFUSED


def test_a_server_hello_in_fragments() -> None:
    body = SERVER_HELLO[25:]
    assert dtls_answer(dtls_record(fragment(2, body, 0, 34))) is True
    assert dtls_answer(dtls_record(fragment(2, body, 0, 33))) is False
    assert dtls_answer(dtls_record(fragment(2, body, 34))) is False
    assert dtls_answer(dtls_record(fragment(11, body))) is False
    assert dtls_answer(STUN_ANSWER) is None


def test_decoys_do_not_hide_a_name() -> None:
    """Fragments of a decoy, which is lost on the way, and of the real hello: each mixture is judged."""
    decoy, real = dtls_hello(DECOY), dtls_hello(REFUSED)
    size = min(len(decoy), len(real))
    decoy, real = decoy[:size], real[:size]
    cut = size - 900
    parts = [fragment(1, decoy, 0, cut), fragment(1, real, 0, cut), fragment(1, real, cut)]
    for order in itertools.permutations(parts):
        talk = Talk(names_only)
        for part in order:
            talk.datagram(dtls_record(part))
        assert talk.answer(SERVER_HELLO).action is not PASSES


def test_a_hello_that_is_half_read_does_not_pass() -> None:
    talk = Talk(careful)
    talk.datagram(client_records(dtls_hello(ALLOWED))[0])
    talk.datagram(client_records(dtls_hello(REFUSED), (700,), number=1)[0])
    assert talk.answer(SERVER_HELLO).action is HOLD
    for _ in range(Limits().quic_datagrams):
        step = talk.datagram(b"\x17" + bytes(40))
        step = talk.answer(b"\x17" + bytes(40))
    assert step.action is FlowAction.REFUSED


def test_fragments_that_are_sent_again_are_no_second_hello() -> None:
    talk = Talk()
    parts = client_records(dtls_hello(ALLOWED), (500, 1000))
    for part in (*parts, parts[1], *parts[:2]):
        assert talk.datagram(part).action is HOLD
    assert talk.answer(SERVER_HELLO).action is PASSES
    assert talk.bench.hosts == [ALLOWED]


def test_a_new_handshake_before_the_first_is_answered() -> None:
    """On the same ports, after a time-out: its random is another one."""
    talk = Talk()
    for random in (b"\1" * 32, b"\2" * 32):
        for part in client_records(dtls_hello(ALLOWED, random=random), (500, 1000)):
            assert talk.datagram(part).action is HOLD
    assert talk.answer(SERVER_HELLO).action is PASSES


def test_a_hello_next_to_quic_is_judged() -> None:
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    assert talk.datagram(client_records(dtls_hello(REFUSED))[0]).action is FlowAction.REFUSED


def test_faults_of_names() -> None:
    bad = dtls_hello(None, before=server_name(b"no name!"))
    talk = Talk()
    assert talk.datagram(client_records(bad)[0]).action is FlowAction.REFUSED
    assert [seen.fault for seen in talk.bench.heard] == [Fault.BAD_NAME]
    two = dtls_hello(None, before=server_name(ALLOWED.encode(), REFUSED.encode()))
    assert Talk(names_only).datagram(client_records(two)[0]).action is FlowAction.REFUSED
    address = dtls_hello(None, before=server_name(b"192.0.2.1"))
    assert Talk().datagram(client_records(address)[0]).action is HOLD


def test_the_limits() -> None:
    hellos = DtlsHellos()
    long = dtls_record(fragment(1, bytes(100), size=MAX_DTLS_HELLO + 1))
    assert Talk().datagram(long).action is FlowAction.REFUSED
    for number in range(MAX_PARTS):
        hellos.from_client(client_records(dtls_hello(ALLOWED), (700,), number=number)[0])
    assert hellos.size == MAX_PARTS * MAX_DTLS_HELLO
    talk = Talk()
    for number in range(MAX_PARTS + 1):
        step = talk.datagram(client_records(dtls_hello(ALLOWED), (700,), number=number)[0])
    assert step.action is FlowAction.REFUSED
    assert talk.table.stats.buffered == 0
    many = Talk()
    for number in range(40):
        step = many.datagram(client_records(dtls_hello(f"{number}.example"))[0])
    assert step.action is FlowAction.REFUSED


def test_what_is_cut_or_wrong_is_no_hello() -> None:
    (record,) = client_records(dtls_hello(REFUSED))
    body = dtls_hello(REFUSED)
    for datagram in (
        record[:-1],
        dtls_record(fragment(1, body, size=100)),
        dtls_record(b"\1" * 8),
        dtls_record(fragment(1, bytes(60))),  # no form of a hello
        dtls_record(fragment(2, body)),
    ):
        assert DtlsHellos().from_client(datagram) == []
        assert Talk().datagram(datagram).action is HOLD


def sni(hellos: list[ClientHello]) -> list[str | None]:
    return [hello.sni for hello in hellos]


@given(st.lists(st.integers(1, 1500), max_size=6), st.randoms())
def test_any_fragments_that_overlap(cuts: list[int], source: object) -> None:
    body = dtls_hello(REFUSED, before=alpn("coap"))
    cuts = sorted({cut for cut in cuts if cut < len(body)})
    parts = [
        fragment(1, body, max(0, start - 20), end)
        for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)
    ]
    source.shuffle(parts)  # type: ignore[attr-defined]
    hellos = DtlsHellos()
    found = [name for part in parts for name in sni(hellos.from_client(dtls_record(part)))]
    assert found == [REFUSED]
    assert not hellos.half_read


@given(st.binary(max_size=1400))
def test_any_bytes_raise_nothing(data: bytes) -> None:
    DtlsHellos().from_client(data)
    dtls_answer(data)
    dtls_answer(dtls_record(data[:1200]))
