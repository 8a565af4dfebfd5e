"""The commands of docs/providers/trusted-name.md: real clients, DNS-01, and a real ACME server (pebble)."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from gateway.cli.commands import certificate
from gateway.cli.main import main
from gateway.cli.parser import build_parser
from gateway.policy.config.config import parse_config
from gateway.policy.config.dns_providers import PROVIDERS, DnsProvider
from gateway.web.acme import FOLDER, AcmeAccount, forget_account, get_certificate, write_account
from tests.policy.homes import words
from tests.web.pebble import Server, running

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "providers" / "trusted-name.md").read_text()
DOC_NAME = "k7q2m9x4w3dfa5zt.gw.example.net"
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
DNS_API = """
dns_lab_add() {{ {hook} "$1." "$2"; }}
dns_lab_rm() {{ :; }}
"""


def test_the_example_is_a_configuration() -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert example is not None
    text = re.sub(r"^   ", "", example[1], flags=re.MULTILINE)
    https = parse_config(text, "qalqan.yaml", words().is_public_suffix).web.https
    assert https is not None
    assert (https.name, https.port) == (DOC_NAME, 8443)


WORD = r"""(?:"[^"]+"|[^\s"'`]+)"""


def test_every_command_of_ours_in_the_document_is_one() -> None:
    found = re.findall(rf"qalqan (certificate install {WORD} {WORD}|certificate name {WORD})", DOCUMENT)
    assert len(found) >= 5
    for command in found:
        assert build_parser().parse_args(shlex.split(command)).module == "cli.commands.certificate"
    assert "`qalqan certificate check`" in DOCUMENT


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("acme")) as started:
        yield started


@dataclass(frozen=True)
class Gateway:
    folder: Path
    config: Path

    @property
    def chain(self) -> Path:
        return self.folder / "tls" / "chain.pem"


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """``bin/qalqan`` there is our command, for this home."""
    https = {"name": DOC_NAME, "certificate": f"{tmp_path}/tls/chain.pem", "key": f"{tmp_path}/tls/key.pem"}
    config = tmp_path / "qalqan.yaml"
    config.write_text(json.dumps({"lan": ["lo"], "web": {"https": https}}))
    program = tmp_path / "bin" / "qalqan"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m gateway --config {config} "$@"\n')
    program.chmod(0o755)
    return Gateway(tmp_path, config)


def run(gateway: Gateway, script: str, **environment: str) -> None:
    path = f"{gateway.folder}/bin:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=gateway.folder, capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, "HOME": str(gateway.folder), "PATH": path, **environment},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def commands(client: str, instead: Mapping[str, str]) -> str:
    """The document's own lines that begin with a client's call, with the lab's provider in them."""
    lines = [line for block in BLOCKS for line in block.splitlines()]
    text = "\n".join(line for line in lines if line.startswith(client))
    for old, new in instead.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def installed(gateway: Gateway, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["certificate", "check", "--config", str(gateway.config)]) == 0
    assert capfd.readouterr().out.startswith(f"The certificate of {DOC_NAME} is valid until ")


@pytest.mark.slow
@pytest.mark.needs("pebble")
@pytest.mark.needs("lego")
@pytest.mark.timeout(300)
def test_lego_gets_and_renews_it(server: Server, gateway: Gateway, capfd: pytest.CaptureFixture[str]) -> None:
    ours = f"--dns exec --dns.disable-cp --dns.resolvers {server.dns} --server {server.directory}"
    hook = gateway.folder / "hook"
    hook.write_text(f'#!/bin/sh\n[ "$1" = present ] || exit 0\nexec {server.set_txt} "$2" "$3"\n')
    hook.chmod(0o755)
    hooked = {"/usr/local/sbin/qalqan-lego": str(gateway.folder / "qalqan-lego")}
    run(gateway, commands("printf ", hooked))
    instead = {
        "--dns cloudflare": ours,
        "/var/lib/lego": str(gateway.folder / "lego"),
        "--days 30": "--days 9999 --no-random-sleep",
        **hooked,
    }
    first, renewal = commands("lego ", instead).splitlines()
    environment = {"LEGO_CA_CERTIFICATES": str(server.bundle), "EXEC_PATH": str(hook)}
    run(gateway, first, **environment)
    installed(gateway, capfd)
    before = gateway.chain.read_bytes()
    run(gateway, renewal, **environment)
    installed(gateway, capfd)
    assert gateway.chain.read_bytes() != before


@pytest.mark.slow
@pytest.mark.needs("pebble")
@pytest.mark.needs("lego")
@pytest.mark.needs("acme.sh")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("client", ["lego", "acme.sh"])
def test_the_account_of_the_page_gets_and_renews_it(
    server: Server,
    gateway: Gateway,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    client: str,
) -> None:
    """As the daemon runs it, with a provider of the lab whose token is the path of its hook."""
    hook = gateway.folder / "hook"
    hook.write_text(f'#!/bin/sh\n[ "$1" = present ] || exit 0\nexec {server.set_txt} "$2" "$3"\n')
    hook.chmod(0o755)
    folder = gateway.folder / "state" / FOLDER
    monkeypatch.setitem(PROVIDERS, "exec", DnsProvider("Lab", "EXEC_PATH", ("dns_lab", "LAB_HOOK")))
    options: tuple[str, ...] = ("--dns.disable-cp", "--dns.resolvers", server.dns)
    if client == "lego":
        monkeypatch.setenv("LEGO_CA_CERTIFICATES", str(server.bundle))
    else:
        monkeypatch.setattr("gateway.web.acme.LEGO", "no-lego")
        script = folder / "acme.sh" / "dnsapi" / "dns_lab.sh"
        script.parent.mkdir(parents=True)
        script.write_text(DNS_API.format(hook='"$LAB_HOOK" present'))
        options = ("--ca-bundle", str(server.bundle), "--dnssleep", "1")

    def use(*more: str) -> None:
        monkeypatch.setattr(
            certificate, "get_certificate", partial(get_certificate, options=(*options, *more))
        )

    use()
    settings = json.loads(gateway.config.read_text())
    gateway.config.write_text(json.dumps(settings | {"state": str(gateway.folder / "state")}))
    account = AcmeAccount(DOC_NAME, "exec", str(hook), "mum@example.net", server.directory)
    write_account(folder, account)
    renew = ["certificate", "renew", "--steps", "--config", str(gateway.config)]
    assert main(renew) == 0
    installed(gateway, capfd)
    before = gateway.chain.read_bytes()
    assert main(renew) == 0
    assert gateway.chain.read_bytes() == before, "it is not due"
    if client == "lego":
        monkeypatch.setattr("gateway.web.acme.RENEW_DAYS", 9999)
    else:
        use("--force")
    assert main(renew) == 0
    installed(gateway, capfd)
    assert gateway.chain.read_bytes() != before
    write_account(folder, replace(account, token=str(gateway.folder / "none")))
    assert main(renew) == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["problem"] == "other"
    assert str(gateway.folder / "none") not in out + err, "the token"
    installed(gateway, capfd)
    assert folder.stat().st_mode & 0o077 == 0, "acme.sh has the token in its files"
    forget_account(folder)
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.needs("pebble")
@pytest.mark.needs("certbot")
@pytest.mark.timeout(300)
def test_certbot_gets_and_renews_it(
    server: Server, gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    hook = gateway.folder / "hook"
    hook.write_text(
        f'#!/bin/sh\nexec {server.set_txt} "_acme-challenge.$CERTBOT_DOMAIN." "$CERTBOT_VALIDATION"\n'
    )
    hook.chmod(0o755)
    folders = " ".join(f"--{kind}-dir {gateway.folder}/{kind}" for kind in ("config", "work", "logs"))
    ours = (
        f"--manual --preferred-challenges dns --manual-auth-hook {hook} --server {server.directory} {folders}"
    )
    old = "--dns-cloudflare --dns-cloudflare-credentials /root/cloudflare.ini"
    script = commands("certbot ", {old: ours})
    run(gateway, script, REQUESTS_CA_BUNDLE=str(server.bundle))
    installed(gateway, capfd)
    before = gateway.chain.read_bytes()
    renewal = f"certbot renew --force-renewal --no-random-sleep-on-renew {folders}"
    run(gateway, renewal, REQUESTS_CA_BUNDLE=str(server.bundle))
    installed(gateway, capfd)
    assert gateway.chain.read_bytes() != before


@pytest.mark.slow
@pytest.mark.needs("pebble")
@pytest.mark.needs("/usr/share/acme.sh/acme.sh")
@pytest.mark.timeout(300)
def test_acme_sh_gets_and_renews_it(
    server: Server, gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    home = gateway.folder / "acme"
    (home / "dnsapi").mkdir(parents=True)
    (home / "dnsapi" / "dns_lab.sh").write_text(DNS_API.format(hook=server.set_txt))
    ours = f"--server {server.directory} --ca-bundle {server.bundle} --dnssleep 1"
    instead = {
        "/usr/lib/acme/client/acme.sh": "/usr/share/acme.sh/acme.sh", "--server letsencrypt": ours,
        "dns_cf": "dns_lab", "/etc/acme": str(home),
    }  # fmt: skip
    (home / "out").mkdir(mode=0o700)
    run(gateway, commands("/usr/lib/acme/client/acme.sh", instead))
    installed(gateway, capfd)
    before = gateway.chain.read_bytes()
    run(gateway, f"/usr/share/acme.sh/acme.sh --home {home} --cron --force")
    installed(gateway, capfd)
    assert gateway.chain.read_bytes() != before
