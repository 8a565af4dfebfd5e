from __future__ import annotations

import pytest

from gateway.core.errors import PolicyError
from gateway.policy.identity.macs import mac, macs, parse_mac
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Place


@pytest.mark.parametrize(
    "written", ["02:00:00:AA:bb:0c", "02-00-00-aa-BB-0c", "0200.00aa.bb0c", " 02:00:00:aa:bb:0c "]
)
def test_every_spelling_has_one_form(written: str) -> None:
    assert parse_mac(written) == "02:00:00:aa:bb:0c"


@pytest.mark.parametrize(
    "written",
    [
        "02:00:00:aa:bb",
        "02:00:00:aa:bb:0c:0d",
        "02:00-00:aa:bb:0c",
        "0200:00aa:bb0c",
        "xx",
        "",
        "020000aabb0c",
    ],
)
def test_what_is_no_mac(written: str) -> None:
    assert parse_mac(written) is None


@pytest.mark.parametrize("written", ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"])
def test_what_no_device_has(written: str) -> None:
    with pytest.raises(PolicyError, match="is no device's address"):
        mac(written, Place("f", 1, "devices"))


def test_one_device_twice_in_two_spellings() -> None:
    node = parse_document("d: ['02:00:00:00:00:0a', '02-00-00-00-00-0A']", "f").entries["d"]
    with pytest.raises(PolicyError, match=r"f:1: d\[2\]: '02:00:00:00:00:0a' is there twice"):
        macs(node)
