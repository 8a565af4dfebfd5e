"""The pretended internet's certificate authority: a certificate for any name, made when first asked for."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import ssl
from collections import OrderedDict
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A context is about 40 kB; the lab's clients ask for a few hundred names.
_CONTEXTS = 512
_DAY = datetime.timedelta(days=1)
NAMELESS = "nameless.example"


class Authority:
    """Signs for every name with one leaf key, so that a browser can be told to trust that key alone.

    ``folder`` gets ca.pem, leaf.pem (for NAMELESS), leaf.key and leaf.spki (SHA-256 of the key, base64).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Virtual home CA")])
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self._own = self._sign(self._name, self._key.public_key(), None)
        (folder / "ca.pem").write_bytes(self._own.public_bytes(Encoding.PEM))
        secret = self._leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "leaf.key").write_bytes(secret)
        (folder / "leaf.spki").write_bytes(self._spki())
        (folder / "leaf.pem").write_bytes(self.certificate(NAMELESS))

    def certificate(self, name: str) -> bytes:
        """The PEM of a certificate for ``name`` and of the authority behind it."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        leaf = self._sign(subject, self._leaf_key.public_key(), name)
        return leaf.public_bytes(Encoding.PEM) + self._own.public_bytes(Encoding.PEM)

    def server_context(self, alpn: list[str]) -> ssl.SSLContext:
        """A context that answers any server name with a certificate of its own."""
        context = self._context(NAMELESS, alpn)

        def choose(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name:
                connection.context = self._context(name.lower().rstrip("."), alpn)

        context.sni_callback = choose
        return context

    def _context(self, name: str, alpn: list[str]) -> ssl.SSLContext:
        key = f"{','.join(alpn)} {name}"
        if (context := self._contexts.get(key)) is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            chain = self._folder / "chain.pem"
            chain.write_bytes(self.certificate(name))
            context.load_cert_chain(chain, self._folder / "leaf.key")
            context.set_alpn_protocols(alpn)
            self._contexts[key] = context
            if len(self._contexts) > _CONTEXTS:
                self._contexts.popitem(last=False)
        return context

    def _spki(self) -> bytes:
        der = self._leaf_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(der).digest())

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, name: str | None) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        authority = name is None
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 30 * _DAY)
            .not_valid_after(now + 60 * _DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if authority:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            assert name is not None
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name)]), critical=False
            )
            served = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            builder = builder.add_extension(served, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
