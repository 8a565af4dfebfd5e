"""What the answers in a capture teach; how it is used is in test_engine.py."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest

from gateway.policy.names.hosts import HostMap
from gateway.policy.values import Decision, Reason, Verdict
from gateway.replay.engine import MAX_ASKED, MAX_HELP, MAX_HELP_ADDRESSES, Learned
from gateway.wire.dns.message import Message, parse_message

CLIENT = bytes([192, 168, 1, 7])
HELP = "childline.org.uk"
REFUSED = Decision(Verdict.BLOCK, Reason.CATEGORY, "rule", "family")
IPV4, IPV6 = bytes([192, 0, 2, 1]), bytes.fromhex("20010db8" + "00" * 11 + "01")


def answer(name: str, qtype: str = "A", *records: str) -> Message:
    response = dns.message.make_response(dns.message.make_query(name, qtype))
    if records:
        response.answer = [dns.rrset.from_text(f"{name}.", 300, "IN", qtype, *records)]
    return parse_message(response.to_wire())


@pytest.fixture
def learned() -> Learned:
    return Learned(HostMap({HELP: "Childline"}), lambda host: (host,))


def test_questions_that_wait_for_an_answer_are_bounded(learned: Learned) -> None:
    for ident in range(MAX_ASKED + 10):
        learned.asked((CLIENT, 1000, ident), REFUSED)
    assert len(learned._asked) == MAX_ASKED


def test_an_answer_teaches_its_addresses_unless_the_question_was_refused(learned: Learned) -> None:
    asker = (CLIENT, 1000, 7)
    learned.asked(asker, REFUSED)
    learned.answered(asker, answer("www.a.example", "A", "192.0.2.1"))
    assert IPV4 not in learned
    learned.answered(asker, answer("www.a.example", "A", "192.0.2.1"))
    assert IPV4 in learned


def test_help_is_where_no_answer_contradicts(learned: Learned) -> None:
    name = f"www.{HELP}"
    assert learned.help_address(name, IPV4)
    learned.answered((CLIENT, 1, 1), answer(name, "AAAA"))
    learned.answered((CLIENT, 1, 2), answer(name, "AAAA", "2001:db8::2"))
    assert learned.help_address(name, IPV4)
    assert not learned.help_address(name, IPV6)
    learned.answered((CLIENT, 1, 3), answer(name, "A", "192.0.2.2"))
    assert not learned.help_address(name, IPV4)
    learned.answered((CLIENT, 1, 4), answer(name, "A", "192.0.2.1"))
    assert learned.help_address(name, IPV4)


def test_what_is_known_of_help_is_bounded(learned: Learned) -> None:
    for number in range(MAX_HELP + 10):
        learned.answered((CLIENT, 1, 1), answer(f"n{number}.{HELP}", "A", "192.0.2.9"))
    many = [f"198.51.100.{number}" for number in range(MAX_HELP_ADDRESSES + 10)]
    learned.answered((CLIENT, 1, 1), answer(f"n0.{HELP}", "A", *many))
    assert len(learned._help) == MAX_HELP
    assert len(learned._help[f"n0.{HELP}"]) == MAX_HELP_ADDRESSES


def test_a_carriers_gateway_is_where_its_name_was_answered() -> None:
    learned = Learned(
        HostMap({HELP: "Childline", "pub.3gppnetwork.org": "Wi-Fi calling"}),
        lambda host: (host,),
        HostMap({"pub.3gppnetwork.org": "Wi-Fi calling"}),
    )
    learned.answered((CLIENT, 1, 1), answer("epdg.epc.mnc001.mcc401.pub.3gppnetwork.org", "A", "192.0.2.1"))
    learned.answered((CLIENT, 1, 2), answer(HELP, "A", "192.0.2.2"))
    assert learned.calling_address(IPV4)
    assert not learned.calling_address(bytes([192, 0, 2, 2]))
