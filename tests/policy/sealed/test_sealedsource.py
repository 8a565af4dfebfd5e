"""`sealed:` in qalqan.yaml."""

from __future__ import annotations

import pytest

from gateway.policy.config.config import parse_config
from tests.policy.homes import refusal

KEY = "ab" * 32
GOOD = f"issuer_key: {KEY}, set_key_file: /etc/qalqan/sealed/isp.key"


def _sources(text: str) -> object:
    return parse_config(f"sealed: {text}\n", "qalqan.yaml", lambda _: False).sealed


def test_sources_are_read() -> None:
    url, file = parse_config(
        f"sealed: [{{url: https://isp.test/set, {GOOD}}}, {{file: /var/lib/isp/a.set, {GOOD}}}]",
        "qalqan.yaml",
        lambda _: False,
    ).sealed
    assert (url.url, url.file, url.issuer_key) == ("https://isp.test/set", "", bytes.fromhex(KEY))
    assert (file.url, file.file, file.set_key_file) == (
        "",
        "/var/lib/isp/a.set",
        "/etc/qalqan/sealed/isp.key",
    )
    assert url.name != file.name
    assert _sources("[]") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[{{{GOOD}}}]", "either 'url' or 'file'"),
        (f"[{{url: https://a.test/, file: /a, {GOOD}}}]", "either 'url' or 'file'"),
        (f"[{{url: http://isp.test/set, {GOOD}}}]", "no HTTPS address"),
        (f"[{{file: a.set, {GOOD}}}]", "not a full path"),
        (f"[{{file: /a/../b, {GOOD}}}]", "not a full path"),
        ("[{file: /a, issuer_key: abcd, set_key_file: /b}]", "is no public key"),
        (f"[{{file: /a, issuer_key: {KEY}}}]", "set_key_file"),
        (f"[{{file: /a, {GOOD}}}, {{file: /a, {GOOD}}}]", "twice"),
        ("[" + ", ".join(f"{{file: /a{n}, {GOOD}}}" for n in range(9)) + "]", "at most 8"),
        (f"[{{file: /a, {GOOD}, names: [a.invalid]}}]", "names"),
    ],
)
def test_what_is_none_is_refused(text: str, said: str) -> None:
    assert said in refusal(lambda: _sources(text))
