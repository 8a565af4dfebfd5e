"""Web Push: the example of RFC 8291, the signature of RFC 8292, and what the process refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.policy.alerts.push_subscriptions import PushSubscription
from gateway.web import web_push
from gateway.web.web_push import authorization, decode, encrypt, new_key

# RFC 8291 §5 and Appendix A.
TO = PushSubscription(
    "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "BTBZMqHH6r4Tts7J_aSIgg",
)
TEXT = b"When I grow up, I want to be a watermelon"
SALT = decode("DGv6ra1nlYgDCS1FRnbzlw")
OWN = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
    "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_a_message_is_encrypted_as_in_the_example_of_rfc_8291() -> None:
    assert encrypt(TEXT, TO, SALT, web_push._private(OWN)) == decode(BODY)


def test_a_request_is_signed_for_the_push_service_by_the_key_that_browsers_know() -> None:
    key = new_key()
    scheme, _, rest = authorization(TO.endpoint, web_push._private(key["private"]), 1_000.0).partition(" ")
    token, _, public = rest.partition(",k=")
    head, claims, signature = token.removeprefix("t=").split(".")
    assert (scheme, public) == ("vapid", key["public"])
    assert json.loads(decode(head)) == {"typ": "JWT", "alg": "ES256"}
    said = json.loads(decode(claims))
    assert (said["aud"], said["exp"]) == ("https://push.example.net", 1_000 + 12 * 3600)
    raw = decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(public))
    point.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))


def run(**request: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "gateway.web.web_push"]
    return subprocess.run(
        argv, input=json.dumps(request), capture_output=True, text=True, timeout=60, check=False
    )


def test_the_process_makes_a_key() -> None:
    found = json.loads(run(do="key").stdout)
    assert (len(decode(found["private"])), decode(found["public"])[0]) == (32, 4)


@pytest.mark.parametrize("changed", [
    {"endpoint": "http://push.example.net/x"}, {"endpoint": "https://192.168.1.1/x"},
    {"endpoint": "https://push.example.net:8443/x"}, {"p256dh": "B" + "A" * 86},
    {"auth": "short"}, {"text": 5},
])  # fmt: skip
def test_the_process_connects_to_no_other_place(changed: dict[str, object]) -> None:
    key = new_key()["private"]
    to = {"endpoint": TO.endpoint, "p256dh": TO.p256dh, "auth": TO.auth}
    done = run(**{"do": "send", **to, "text": "x", "key": key, "life": 60, **changed})
    assert (done.returncode, done.stdout) == (2, "")


def test_the_home_s_own_network_is_not_reached() -> None:
    key = new_key()["private"]
    to = {"endpoint": "https://localhost.localdomain/x", "p256dh": TO.p256dh, "auth": TO.auth}
    done = run(do="send", **to, text="x", key=key, life=60)
    assert json.loads(done.stdout)["failed"] in ("not_outside", "no_name")
