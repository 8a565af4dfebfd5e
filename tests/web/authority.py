"""An authority for the home's trusted name, as a public one is: a root, one between, short-lived leaves."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
NAME = "k7q2m9x4w3dfa5zt.gw.isp.test"
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """PEM: the leaf and those above it without the root, and the leaf's key."""

    chain: bytes
    key: bytes

    def put(self, folder: Path) -> Pair:
        """The key first, as `qalqan certificate install` does."""
        for name, data in (("key.pem", self.key), ("chain.pem", self.chain)):
            fresh = folder / f".{name}.new"
            fresh.write_bytes(data)
            fresh.chmod(0o644)
            fresh.replace(folder / name)
        return self

    @property
    def leaf(self) -> bytes:
        end = b"-----END CERTIFICATE-----\n"
        return self.chain.partition(end)[0] + end


class TrustedAuthority:
    def __init__(self, title: str = "Lab root") -> None:
        self._root_key, self._between_key = _new_key(), _new_key()
        self._root_name, self._between_name = _name(title), _name(f"{title}, between")
        now = datetime.datetime.now(datetime.UTC)
        life = now - 30 * DAY, now + 3650 * DAY
        self.root = _signed(self._root_name, self._root_key, self._root_name, self._root_key, life, None)
        self.between = _signed(
            self._between_name, self._between_key, self._root_name, self._root_key, life, None
        )

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    def issue(
        self,
        *names: str,
        days: tuple[float, float] = (-1, 60),
        key: Key | None = None,
        server: bool = True,
    ) -> Pair:
        """``days``: from now, when it is good."""
        own = key or _new_key()
        now = datetime.datetime.now(datetime.UTC)
        life = now + days[0] * DAY, now + days[1] * DAY
        leaf = _signed(
            _name((names or (NAME,))[0]), own, self._between_name, self._between_key, life, names or (NAME,),
            server=server,
        )  # fmt: skip
        chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in (leaf, self.between))
        return Pair(chain, _pem(own))


def self_signed(name: str = NAME) -> Pair:
    key = _new_key()
    now = datetime.datetime.now(datetime.UTC)
    leaf = _signed(_name(name), key, _name(name), key, (now - DAY, now + 60 * DAY), (name,))
    return Pair(leaf.public_bytes(Encoding.PEM), _pem(key))


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _signed(
    subject: x509.Name,
    key: Key,
    issuer: x509.Name,
    by: ec.EllipticCurvePrivateKey,
    life: tuple[datetime.datetime, datetime.datetime],
    names: tuple[str, ...] | None,
    *,
    server: bool = True,
) -> x509.Certificate:
    """``names``: of a leaf; None: an authority."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(life[0])
        .not_valid_after(life[1])
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if names is None:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(alternative, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(by, hashes.SHA256())
