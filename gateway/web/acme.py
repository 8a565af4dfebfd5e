"""Gets a certificate for the trusted name from an ACME authority (RFC 8555) by DNS-01.

The client is lego, or acme.sh, which OpenWrt has. It is started without a command shell. The provider's token
is in the client's environment, which other users cannot read, and in files of mode 0600 or a folder of mode
0700; it is in no argument, log or message.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

from gateway.core.errors import GatewayError, PolicyError
from gateway.core.files import read_bounded, write_atomically
from gateway.policy.config.dns_providers import PROVIDERS

FOLDER = "certificate"  # in the state folder, mode 0700
ACCOUNT = "account.json"
LEGO, ACME_SH = "lego", "acme.sh"
OPENWRT_FOLDER = "/usr/lib/acme/client"  # of acme.sh in OpenWrt's package acme-acmesh
ACME_SH_SKIPPED = 2  # exit status: the certificate is not due
RENEW_DAYS = 30  # before the certificate expires; acme.sh renews a certificate of 90 days on the same day
TIMEOUT = 600.0  # seconds; a provider may publish the record only after minutes
OUTPUT_LIMIT = 16_384  # characters of the client's output that are searched, the last ones
ADVICE = ("--debug", "how-to-debug-acme.sh")  # in the last lines of acme.sh, which say nothing of the error


class AcmeProblem(StrEnum):
    """Why the ACME client got no certificate for the trusted name."""

    CLIENT = "client"  # no ACME client is installed, or it does not know the provider
    TOKEN = "token"  # the provider refused the token
    ZONE = "zone"  # the provider's account does not have the name
    LIMIT = "limit"  # the authority's rate limit
    DNS = "dns"  # the record was not visible in time
    EMAIL = "email"  # the authority refused the address
    OFFLINE = "offline"  # the provider or the authority could not be reached
    OTHER = "other"


SENTENCES: Mapping[AcmeProblem, str] = {
    AcmeProblem.CLIENT: "no ACME client for this provider is installed; install lego, or acme.sh in its "
    "place (OpenWrt: acme-acmesh-dnsapi)",
    AcmeProblem.TOKEN: "the DNS provider refused the token; copy it again from the provider's page",
    AcmeProblem.ZONE: "the DNS provider's account does not have this name; check its spelling there",
    AcmeProblem.LIMIT: "the certificate authority had too many requests for this name; try again tomorrow",
    AcmeProblem.DNS: "the DNS provider did not publish the record in time; try again in ten minutes",
    AcmeProblem.EMAIL: "the certificate authority refused the e-mail address; enter another one",
    AcmeProblem.OFFLINE: "the DNS provider or the certificate authority cannot be reached; try again later",
    AcmeProblem.OTHER: "the certificate authority gave no certificate; qalqan certificate renew says more",
}

# In this order: an answer about a wrong token also says that the record is missing.
_MARKS: Mapping[AcmeProblem, tuple[str, ...]] = {
    AcmeProblem.CLIENT: ("unrecognized dns provider",),  # Debian's lego lacks some
    AcmeProblem.LIMIT: ("ratelimited", "too many certificates", "too many requests", "too many new orders"),
    AcmeProblem.EMAIL: ("invalidcontact", "invalidemail", "unable to parse email", "contact email"),
    AcmeProblem.TOKEN: (
        *("invalid token", "invalid api token", "invalid access token", "invalid request headers"),
        *("authentication error", "authentication failed", "unauthenticated", "authentication exception"),
        *("status code: 401", "status code: 403", "401 unauthorized", "403 forbidden"),
        *("for duckdns returned the following result (ko)", "credentials information are missing"),
        "response=ko",  # of DuckDNS, as acme.sh writes it
    ),
    AcmeProblem.ZONE: (
        *("could not find zone", "couldn't find zone", "failed to find zone", "zone not found"),
        *("could not find the start of authority", "no matching zone", "status code: 404", "404 not found"),
        "invalid domain",  # as acme.sh writes it
    ),
    AcmeProblem.DNS: ("time limit exceeded", "propagation", "no txt record", "incorrect txt record"),
    AcmeProblem.OFFLINE: (
        *("no such host", "dial tcp", "connection refused", "i/o timeout", "misbehaving"),
        *("cannot init api", "could not get nonce"),  # as acme.sh writes it
    ),
}


class AcmeError(GatewayError):
    """Raised if the ACME client got no certificate.

    ``detail``: its last line of output, without the token.
    """

    def __init__(self, problem: AcmeProblem, detail: str = "") -> None:
        self.problem, self.detail = problem, detail
        super().__init__(SENTENCES[problem])


@dataclass(frozen=True, slots=True)
class AcmeAccount:
    """The trusted name, and the account at the DNS provider with which its certificate is requested."""

    name: str
    provider: str  # a key of PROVIDERS
    token: str
    email: str  # for the authority
    server: str = ""  # address of the authority's directory; empty: Let's Encrypt

    @property
    def can_be_used(self) -> bool:
        return self.provider in PROVIDERS and bool(self.name and self.token and self.email)


def default_files(config: Path) -> tuple[Path, Path]:
    """Return the paths at which certificate chain and key are installed if the settings name none.

    They are in the folder ``tls`` next to the configuration file ``config``. They need not exist.
    """
    return config.parent / "tls" / "chain.pem", config.parent / "tls" / "key.pem"


def read_account(folder: Path) -> AcmeAccount | None:
    """Return the stored account of the trusted name; None if there is none that can be used."""
    try:
        found = json.loads(read_bounded(folder / ACCOUNT))
        account = AcmeAccount(**{field.name: str(found[field.name]) for field in fields(AcmeAccount)})
    except (PolicyError, ValueError, TypeError, KeyError):
        return None
    return account if account.can_be_used else None


def write_account(folder: Path, account: AcmeAccount) -> None:
    """Store the account in a file that only this user can read (mode 0600). Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    write_atomically(folder / ACCOUNT, json.dumps(asdict(account)).encode())


def forget_account(folder: Path) -> None:
    """Delete the folder with the account, and with the ACME client's certificates and keys.

    Raises OSError.
    """
    if not folder.exists():
        return
    for path in sorted(folder.rglob("*"), reverse=True):  # each folder after its files
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    folder.rmdir()


def find_client() -> Path | None:
    """Return the path of the installed ACME client: lego, else acme.sh; None without one.

    (`shutil.which` would load 0.3 MB.)
    """
    folders = [*os.get_exec_path(), OPENWRT_FOLDER]
    paths = (Path(folder) / name for name in (LEGO, ACME_SH) for folder in folders)
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def usable_providers() -> tuple[str, ...]:
    """Return the ids of the DNS providers that work with the installed ACME client.

    Without a client and with lego, return all. Debian's lego does not know Cloudflare; `get_certificate`
    reports that. To ask lego would start a process of 20 MB for each view of the page.
    """
    client = find_client()
    by_acme_sh = client is not None and client.name == ACME_SH
    return tuple(key for key, provider in PROVIDERS.items() if provider.acme_sh or not by_acme_sh)


def get_certificate(
    account: AcmeAccount, folder: Path, options: Sequence[str] = (), timeout: float = TIMEOUT
) -> tuple[Path, Path]:
    """Get a certificate for the account's name, or renew it if it is due; return the paths of chain and key.

    ``account``: one that `can_be_used`. If the certificate is not due, the paths are those of the present
    one. Runs lego or acme.sh, for at most ``timeout`` seconds. ``folder``: for its files. ``options``:
    further arguments for it. Raises AcmeError.
    """
    import subprocess  # late: the daemon reads and writes accounts alone

    client = find_client()
    provider = PROVIDERS[account.provider]
    if client is None:
        raise AcmeError(AcmeProblem.CLIENT)
    if client.name == LEGO:
        chain = folder / "certificates" / f"{account.name}.crt"
        key = chain.with_suffix(".key")
        arguments = lego_arguments(account, folder, options, renew=chain.exists() and key.exists())
        variable, unchanged = provider.variable, 0
    elif provider.acme_sh is not None:
        own = folder / ACME_SH
        chain = own / f"{account.name}_ecc" / "fullchain.cer"
        key = chain.with_name(f"{account.name}.key")
        script, variable = provider.acme_sh
        arguments = acme_sh_arguments(account, own, script, options)
        unchanged = ACME_SH_SKIPPED
    else:
        raise AcmeError(AcmeProblem.CLIENT)
    try:
        done = subprocess.run(
            [client, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, variable: account.token},
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AcmeError(AcmeProblem.DNS) from None
    except OSError as error:
        raise AcmeError(AcmeProblem.CLIENT, error.strerror or "") from None
    if done.returncode not in {0, unchanged} or not (chain.exists() and key.exists()):
        raise explain(done.stdout.decode("utf-8", "replace"), account.token)
    return chain, key


def lego_arguments(
    account: AcmeAccount, folder: Path, options: Sequence[str] = (), *, renew: bool
) -> list[str]:
    """Return the command-line arguments of lego. The provider's token is not among them."""
    argv = ["--accept-tos", "--email", account.email, "--path", str(folder), "--key-type", "ec256"]
    argv += ["--dns", account.provider, "--domains", account.name]
    argv += ["--server", account.server] if account.server else []
    action = ["renew", "--days", str(RENEW_DAYS), "--no-random-sleep"] if renew else ["run"]
    return [*argv, *options, *action]


def acme_sh_arguments(
    account: AcmeAccount, folder: Path, script: str, options: Sequence[str] = ()
) -> list[str]:
    """Return the command-line arguments of acme.sh, for a first certificate and for renewals.

    ``script``: acme.sh's name of the DNS provider. The provider's token is not among them.
    """
    argv = ["--issue", "--home", str(folder), "--server", account.server or "letsencrypt"]
    argv += ["--accountemail", account.email, "--keylength", "ec-256", "--dns", script, "-d", account.name]
    return [*argv, *options]


def explain(output: str, token: str) -> AcmeError:
    """Return the error that the ACME client's output reports, with its last line.

    ``token`` is removed from it.
    """
    text = output[-OUTPUT_LIMIT:].replace(token, "…")
    folded = text.casefold()
    problem = next(
        (problem for problem, marks in _MARKS.items() if any(mark in folded for mark in marks)),
        AcmeProblem.OTHER,
    )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not any(mark in line.casefold() for mark in ADVICE)]
    return AcmeError(problem, lines[-1] if lines else "")
