"""The account at a DNS provider, the ACME client's arguments, and the sentence for what it reports."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.policy.config.dns_providers import PROVIDERS
from gateway.web.acme import (
    ACCOUNT,
    SENTENCES,
    AcmeAccount,
    AcmeError,
    AcmeProblem,
    acme_sh_arguments,
    explain,
    find_client,
    get_certificate,
    lego_arguments,
    read_account,
    usable_providers,
    write_account,
)

TOKEN = "a7c4d0ad-114e-40ef"
MINE = AcmeAccount("family.duckdns.org", "duckdns", TOKEN, "mum@example.net")


def test_the_account_is_readable_for_its_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "certificate"
    assert read_account(folder) is None
    write_account(folder, MINE)
    assert read_account(folder) == MINE
    assert stat.S_IMODE((folder / ACCOUNT).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for damaged in (b"", b"{", b"[]", b'{"name": "x"}', b"\xff", b'{"name":"x","provider":"none"}'):
        (folder / ACCOUNT).write_bytes(damaged)
        assert read_account(folder) is None


def test_no_client_gets_the_token_as_an_argument(tmp_path: Path) -> None:
    first, later = (lego_arguments(MINE, tmp_path, renew=renew) for renew in (False, True))
    assert first[-1] == "run"
    assert later[-4:] == ["renew", "--days", "30", "--no-random-sleep"]
    assert "--server" not in first
    other = acme_sh_arguments(MINE, tmp_path, "dns_duckdns")
    assert other[other.index("--server") + 1] == "letsencrypt"
    assert TOKEN not in str((first, later, other))


def test_the_client_is_lego_or_else_acme_sh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """acme.sh has no access to Dynu with one token."""
    openwrt, path = tmp_path / "client", tmp_path / "bin"
    openwrt.mkdir()
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr("gateway.web.acme.OPENWRT_FOLDER", str(openwrt))
    assert find_client() is None
    assert usable_providers() == tuple(PROVIDERS)
    for folder, name, dynu in ((openwrt, "acme.sh", False), (path, "acme.sh", False), (path, "lego", True)):
        (folder / name).touch(mode=0o755)
        assert find_client() == folder / name
        assert ("dynu" in usable_providers()) == dynu
    (path / "lego").unlink()
    with pytest.raises(AcmeError) as refused:
        get_certificate(replace(MINE, provider="dynu"), tmp_path)
    assert refused.value.problem is AcmeProblem.CLIENT


# As lego 4 and acme.sh 3 write them.
@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("could not obtain: duckdns: request to change TXT record for DuckDNS returned the following result"
         f" (KO) this does not match expectation (OK) used url [https://x/update?token={TOKEN}]", "token"),
        ("cloudflare: failed to find zone example.org.: Invalid request headers (6003)", "token"),
        ("cloudflare: failed to find zone example.org.: zone could not be found", "zone"),
        ("desec: failed to create records: domainName=x, recordName=y: 401: Invalid token.", "token"),
        ("dynu: could not find root domain for x: API error: 501: Authentication Exception", "token"),
        ("acme: error: 429 :: urn:ietf:params:acme:error:rateLimited :: too many certificates", "limit"),
        ("time limit exceeded: last error: NS ns1.example. did not return the expected TXT record", "dns"),
        ("urn:ietf:params:acme:error:invalidContact :: unable to parse email address", "email"),
        ("Get https://acme-v02.api.letsencrypt.org/directory: dial tcp: lookup x: no such host", "offline"),
        ("Errors happened during adding the TXT record, response=KO\nError adding TXT record", "token"),
        ("invalid domain\nError adding TXT record to domain: _acme-challenge.x", "zone"),
        ("Cannot init API for: https://acme-v02.api.letsencrypt.org/directory.", "offline"),
        ("unrecognized DNS provider: cloudflare", "client"),
        ("something else", "other"),
        ("", "other"),
    ],
)  # fmt: skip
def test_what_a_client_reports_becomes_one_sentence_without_the_token(output: str, problem: str) -> None:
    error = explain(f"2026/11/30 12:00:00 [INFO] acme\n{output}\n", TOKEN)
    assert error.problem == problem
    assert str(error) == SENTENCES[error.problem]
    assert TOKEN not in error.detail + str(error)


def test_the_detail_is_the_error_and_not_the_advice_after_it() -> None:
    output = (
        "[Tue] Error adding TXT record.\n[Tue] Please add '--debug' or '--log' to see more information.\n"
    )
    assert explain(output, TOKEN).detail == "[Tue] Error adding TXT record."


def test_without_a_client_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AcmeError) as refused:
        get_certificate(MINE, tmp_path)
    assert refused.value.problem is AcmeProblem.CLIENT


@pytest.mark.needs("lego")
def test_an_authority_that_does_not_answer_is_offline(tmp_path: Path) -> None:
    account = AcmeAccount(MINE.name, MINE.provider, TOKEN, MINE.email, "https://127.0.0.1:1/dir")
    with pytest.raises(AcmeError) as refused:
        get_certificate(account, tmp_path)
    assert refused.value.problem is AcmeProblem.OFFLINE
    assert TOKEN not in str(refused.value.detail)


def test_free_zones_are_checked(tmp_path: Path) -> None:
    assert PROVIDERS["duckdns"].fits("a.duckdns.org")
    assert not PROVIDERS["duckdns"].fits("a.notduckdns.org")
    assert not PROVIDERS["duckdns"].fits("duckdns.org")
    assert PROVIDERS["cloudflare"].fits("a.example.org")
