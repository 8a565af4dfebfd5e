from __future__ import annotations

import random

import pytest

from gateway.usp.messages import (
    Body,
    Get,
    Header,
    ObjectSettings,
    ParameterSetting,
    Request,
    ResolvedPath,
    Set,
    UspMessage,
    UspRecord,
)
from gateway.usp.protobuf import ITEMS_LIMIT, MalformedMessage, decode, encode


def test_bytes_by_the_encoding_of_protocol_buffers() -> None:
    # 0x0a: field 1, length-delimited; 0x15: field 2, 32 bits, least significant byte first.
    assert encode(Get(("a.b",), 258)) == b"\x0a\x03a.b\x15\x02\x01\x00\x00"
    assert encode(Header("x", 300)) == b"\x0a\x01x\x10\xac\x02"
    assert encode(ResolvedPath("o.", {"k": "v"})) == b"\x0a\x02o.\x12\x06\x0a\x01k\x12\x01v"


def test_each_kind_of_field_survives_a_round_trip() -> None:
    setting = ParameterSetting("Enable", "қосулы", required=True)
    request = Request(set=Set(True, (ObjectSettings("Device.X.", (setting, setting)),)))
    message = UspMessage(Header("id", 4), Body(request=request))
    assert decode(UspMessage, encode(message)) == message


def test_an_empty_message_of_a_choice_is_present() -> None:
    assert encode(Body(request=Request())) == b"\x0a\x00"
    assert decode(Body, b"\x0a\x00") == Body(request=Request())


def test_fields_of_a_later_version_are_ignored() -> None:
    later = b"\x7a\x01z" + b"\x80\x01\x05" + b"\x8d\x01abcd" + b"\x91\x01abcdefgh"
    assert decode(Get, later + encode(Get(("a",)))) == Get(("a",))


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\x05abc",  # longer than the message
        b"\x0a",  # no length
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a number that does not end
        b"\x08\x01",  # another wire type than declared
        b"\x0b",  # a group, which proto3 does not have
        b"\x0a\x01\xff",  # not UTF-8
        b"\x15\x01\x02",  # a number cut off
        b"\x02\x00",  # a field with the number 0
    ],
)
def test_malformed_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(Get, data)


def test_the_number_of_values_is_limited() -> None:
    assert len(decode(Get, b"\x0a\x01a" * ITEMS_LIMIT).param_paths) == ITEMS_LIMIT
    with pytest.raises(MalformedMessage):
        decode(Get, b"\x0a\x01a" * (ITEMS_LIMIT + 1))


def test_random_bytes_raise_nothing_else() -> None:
    chance = random.Random(20)
    good = encode(UspMessage(Header("id", 1), Body(request=Request(get=Get(("Device.", "a.b"), 2)))))
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        for kind in (UspMessage, UspRecord):
            try:
                decode(kind, bytes(data))
            except MalformedMessage:
                pass
