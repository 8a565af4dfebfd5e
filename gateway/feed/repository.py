"""The publisher's side of a signed feed: makes a static folder for web servers, with keys of four roles.

A feed's folder has ``public`` (what web servers serve), ``staged`` (a bundle and metadata that wait for
signatures), and ``feed-root.json`` (the root file for gateways).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from gateway.core.errors import ListError
from gateway.core.files import read_bounded, write_atomically
from gateway.feed.target import (
    BUILT_KEY,
    FORMAT_KEY,
    VERSION_KEY,
    FeedTable,
    table_name,
    table_prefix,
    target_name,
)
from gateway.policy.names.domain_table import VERSION as TABLE_FORMAT

ROOT, TARGETS, SNAPSHOT, TIMESTAMP = ROLES = "root", "targets", "snapshot", "timestamp"
OFFLINE = (ROOT, TARGETS)
LIFETIMES = {  # of signatures
    ROOT: timedelta(days=365),
    TARGETS: timedelta(days=180),
    SNAPSHOT: timedelta(days=30),
    TIMESTAMP: timedelta(days=7),
}
MAX_KEY = 4096  # bytes of a key file
KEPT_TARGETS = 3  # versions of the targets whose files stay: gateways may be between two requests
ROOT_FILE = "feed-root.json"
PUBLIC_MODE = 0o644

Signed = TypeVar("Signed", Root, Snapshot, Targets, Timestamp)
AnyRole = Root | Snapshot | Targets | Timestamp


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """The numbers of keys of a new feed, and how many of them must sign."""

    root: int = 2
    root_threshold: int = 2
    targets: int = 1
    targets_threshold: int = 1


class FeedRepository:
    """A feed's folder. ``now`` returns the time; it is a parameter for tests."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self._now = now
        self._metadata, self._targets = folder / "public" / "metadata", folder / "public" / "targets"
        self._staged = folder / "staged"

    # ------------------------------------------------------------------------------------ init

    def init(self, keys: Path, counts: KeyCounts) -> None:
        """Make the keys and an empty feed. Raises ListError if the feed or a key exists already."""
        if self._metadata.exists():
            msg = f"{self.folder}: contains a feed already; use another folder"
            raise ListError(msg)
        if not (
            1 <= counts.root_threshold <= counts.root and 1 <= counts.targets_threshold <= counts.targets
        ):
            msg = "a threshold must be at least 1 and at most the number of keys"
            raise ListError(msg)
        signers = {
            ROOT: [make_key(keys / "offline" / f"root-{number + 1}.pem") for number in range(counts.root)],
            TARGETS: [
                make_key(keys / "offline" / f"targets-{number + 1}.pem") for number in range(counts.targets)
            ],
            SNAPSHOT: [make_key(keys / "online" / "snapshot.pem")],
            TIMESTAMP: [make_key(keys / "online" / "timestamp.pem")],
        }
        root = Root(version=1, expires=self._expires(ROOT), consistent_snapshot=True)
        for role, made in signers.items():
            for signer in made:
                root.add_key(signer.public_key, role)
        root.roles[ROOT].threshold = counts.root_threshold
        root.roles[TARGETS].threshold = counts.targets_threshold
        self._targets.mkdir(parents=True)
        self._metadata.mkdir()
        signed_root, targets = Metadata(root), Metadata(Targets(version=1, expires=self._expires(TARGETS)))
        for metadata, role in ((signed_root, ROOT), (targets, TARGETS)):
            for signer in signers[role]:
                metadata.sign(signer, append=True)
        self._write(self._metadata / "1.root.json", _to_bytes(signed_root))
        self._write(self.folder / ROOT_FILE, _to_bytes(signed_root))
        self._write(self._metadata / "1.targets.json", _to_bytes(targets))
        self._publish_online(signed_root.signed, [*signers[SNAPSHOT], *signers[TIMESTAMP]])

    # ------------------------------------------------------------------------------------ offline roles

    def stage_bundle(
        self, bundle: bytes, data_format: int, version: int, tables: Iterable[FeedTable] = ()
    ) -> None:
        """Stage a bundle, its category tables and new targets metadata, which wait for signatures.

        Bundles and tables of other formats stay in the feed. Raises ListError.
        """
        newest = self.newest_version(data_format)
        if version <= newest:
            msg = f"version {version} is not above {newest}, which the feed has already; give a higher one"
            raise ListError(msg)
        metadata = self._next_targets()
        targets = metadata.signed.targets
        # A table belongs to one version of the data.
        for name in [name for name in targets if name.startswith(table_prefix(data_format))]:
            del targets[name]
        name = target_name(data_format)
        targets[name] = self._stage_target(name, bundle, {VERSION_KEY: version})
        for table in tables:
            name = table_name(data_format, table.tier, table.order)
            about = {
                VERSION_KEY: version,
                FORMAT_KEY: TABLE_FORMAT,
                BUILT_KEY: int(table.built.timestamp()),
            }
            targets[name] = self._stage_target(name, table.packed, about)
        self._write(self._staged / "targets.json", _to_bytes(metadata))

    def _stage_target(self, name: str, data: bytes, about: Mapping[str, int]) -> TargetFile:
        """Write a file for the feed. Return its description, which contains ``about``."""
        file = self._staged / TARGETS / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, data)
        target = TargetFile.from_data(name, data, ["sha256"])
        target.unrecognized_fields["custom"] = dict(about)
        return target

    def newest_version(self, data_format: int) -> int:
        """Return the version of the published data of a format; 0 if there is none."""
        target = self._newest(Targets).signed.targets.get(target_name(data_format))
        return 0 if target is None or target.custom is None else int(target.custom.get(VERSION_KEY, 0))

    def stage_root(
        self, role: str, *, add: Sequence[Path] = (), remove: Iterable[str] = (), threshold: int | None = None
    ) -> None:
        """Stage the next root metadata with other keys of ``role``, and a new expiry. Raises ListError.

        ``add`` are files with public or private keys, ``remove`` beginnings of key ids.
        """
        metadata = self._staged_or(Root, self._newest(Root))
        root = metadata.signed
        root.version = self._newest(Root).signed.version + 1
        root.expires = self._expires(ROOT)
        for file in add:
            root.add_key(read_public(file), role)
        for start in remove:
            found = [key for key in root.roles[role].keyids if key.startswith(start)]
            if len(found) != 1:
                msg = f"{start}: {len(found)} keys of the role {role} begin with it; see: qalqan feed status"
                raise ListError(msg)
            root.revoke_key(found[0], role)
        root.roles[role].threshold = threshold or root.roles[role].threshold
        if root.roles[role].threshold > len(root.roles[role].keyids):
            msg = f"the role {role} would have {len(root.roles[role].keyids)} keys, fewer than its threshold"
            raise ListError(msg)
        metadata.signatures.clear()
        self._write(self._staged / "root.json", _to_bytes(metadata))
        if role == TARGETS and not (self._staged / "targets.json").exists():
            self._write(self._staged / "targets.json", _to_bytes(self._next_targets()))

    def sign(self, keys: Iterable[Path]) -> list[str]:
        """Sign the staged metadata with each key that belongs to its role.

        Return a line for each staged role: how many signatures it has. Raises ListError if nothing is staged,
        or a key belongs to no staged role.
        """
        old = self._newest(Root).signed
        root = self._staged_or(Root, self._newest(Root))
        staged = self._staged_metadata()
        if not staged:
            msg = "nothing waits for a signature; run first: qalqan feed build"
            raise ListError(msg)
        for file in keys:
            signer = read_signer(file)
            key, used = signer.public_key.keyid, False
            for role, metadata in staged.items():
                allowed = {*root.signed.roles[role].keyids, *(old.roles[ROOT].keyids if role == ROOT else ())}
                if key in allowed:
                    metadata.sign(signer, append=True)
                    used = True
            if not used:
                msg = f"{file}: this key is not one of the roles that wait: {', '.join(staged)}"
                raise ListError(msg)
        for role, metadata in staged.items():
            self._write(self._staged / f"{role}.json", _to_bytes(metadata))
        return [self._signatures(role, metadata, root.signed, old) for role, metadata in staged.items()]

    # ------------------------------------------------------------------------------------ publish

    def publish(self, keys: Iterable[Path]) -> list[str]:
        """Publish what is staged and signed, and renew the online signatures. Return lines about it.

        Raises ListError if a staged role lacks signatures, or an online key is missing.
        """
        old = self._newest(Root).signed
        staged = self._staged_metadata()
        root, lines = self._staged_or(Root, self._newest(Root)).signed, []
        for role, metadata in staged.items():
            if not self._is_signed(role, metadata, root, old):
                msg = f"{self._signatures(role, metadata, root, old)}; sign it with: qalqan feed sign"
                raise ListError(msg)
        if not self._is_signed(TARGETS, staged.get(TARGETS, self._newest(Targets)), root, old):
            msg = "the published targets are not signed by the new targets keys; run: qalqan feed build"
            raise ListError(msg)
        signers = [read_signer(file) for file in keys]
        self._check_online(root, signers)
        for role, metadata in staged.items():
            if isinstance(metadata.signed, Targets):
                self._copy_targets(metadata.signed)
            self._write(self._metadata / f"{metadata.signed.version}.{role}.json", _to_bytes(metadata))
            lines.append(
                f"{role}: version {metadata.signed.version}, until {metadata.signed.expires:%Y-%m-%d}"
            )
        lines += self._publish_online(root, signers)
        shutil.rmtree(self._staged, ignore_errors=True)
        self._delete_old_targets()
        return lines

    def _publish_online(self, root: Root, signers: Sequence[CryptoSigner]) -> list[str]:
        """Write a new timestamp, and a new snapshot if the old one differs or expires soon."""
        version = self._newest(Targets).signed.version
        old = self._newest_or_none(Snapshot)
        lines = []
        if old is None or not self._is_current(old, root, version):
            snapshot = Snapshot(
                version=1 if old is None else old.signed.version + 1,
                expires=self._expires(SNAPSHOT),
                meta={"targets.json": MetaFile(version)},
            )
            self._sign_online(
                Metadata(snapshot), SNAPSHOT, root, signers, f"{snapshot.version}.snapshot.json"
            )
            lines.append(_published_line(snapshot))
        file = self._metadata / f"{self._newest(Snapshot).signed.version}.snapshot.json"
        stamp = self._newest_or_none(Timestamp)
        meta = MetaFile.from_data(self._newest(Snapshot).signed.version, file.read_bytes(), ["sha256"])
        timestamp = Timestamp(
            version=1 if stamp is None else stamp.signed.version + 1,
            expires=self._expires(TIMESTAMP),
            snapshot_meta=meta,
        )
        self._sign_online(Metadata(timestamp), TIMESTAMP, root, signers, "timestamp.json")
        return [*lines, _published_line(timestamp)]

    def _is_current(self, snapshot: Metadata[Snapshot], root: Root, targets: int) -> bool:
        half = self._now() + LIFETIMES[SNAPSHOT] / 2
        return (
            snapshot.signed.meta["targets.json"].version == targets
            and snapshot.signed.expires > half
            and root.get_verification_result(SNAPSHOT, snapshot.signed_bytes, snapshot.signatures).verified
        )

    def _sign_online(
        self, metadata: Metadata[Signed], role: str, root: Root, signers: Iterable[CryptoSigner], name: str
    ) -> None:
        for signer in signers:
            if signer.public_key.keyid in root.roles[role].keyids:
                metadata.sign(signer, append=True)
        self._write(self._metadata / name, _to_bytes(metadata))

    def _check_online(self, root: Root, signers: Iterable[CryptoSigner]) -> None:
        given = {signer.public_key.keyid for signer in signers}
        for role in (SNAPSHOT, TIMESTAMP):
            if len(given.intersection(root.roles[role].keyids)) < root.roles[role].threshold:
                msg = f"a key of the role {role} is missing; name it with --key"
                raise ListError(msg)

    def _copy_targets(self, targets: Targets) -> None:
        for name, target in targets.targets.items():
            file, published = self._staged / TARGETS / name, self._targets / _published_name(name, target)
            if published.exists():
                continue
            data = file.read_bytes()
            try:
                target.verify_length_and_hashes(data)
            except LengthOrHashMismatchError as error:
                msg = f"{file}: changed after it was signed; run: qalqan feed build"
                raise ListError(msg) from error
            _write_public(published, data)

    def _delete_old_targets(self) -> None:
        """Delete target files that only old targets metadata names."""
        newest = self._newest(Targets).signed.version
        kept = {
            _published_name(name, target)
            for version in range(max(1, newest - KEPT_TARGETS + 1), newest + 1)
            if (self._metadata / f"{version}.targets.json").exists()
            for name, target in self._read(
                self._metadata / f"{version}.targets.json", Targets
            ).signed.targets.items()
        }
        for file in self._targets.iterdir():
            if file.name not in kept:
                file.unlink()

    # ------------------------------------------------------------------------------------ status

    def describe(self) -> list[tuple[str, ...]]:
        """Return a header and a row for each role: version, expiry, required signatures and key ids."""
        root = self._newest(Root).signed
        rows: list[tuple[str, ...]] = [("ROLE", "VERSION", "UNTIL", "SIGNATURES", "KEYS")]
        online = self._newest(Snapshot).signed, self._newest(Timestamp).signed
        for signed in (root, self._newest(Targets).signed, *online):
            role = root.roles[signed.type]
            until, keys = f"{signed.expires:%Y-%m-%d}", " ".join(key[:12] for key in role.keyids)
            needed = f"{role.threshold} of {len(role.keyids)}"
            rows.append((signed.type, str(signed.version), until, needed, keys))
        return rows

    # ------------------------------------------------------------------------------------ files

    def _next_targets(self) -> Metadata[Targets]:
        metadata = self._staged_or(Targets, self._newest(Targets))
        metadata.signed.version = self._newest(Targets).signed.version + 1
        metadata.signed.expires = self._expires(TARGETS)
        metadata.signatures.clear()
        return metadata

    def _staged_metadata(self) -> dict[str, Metadata[Root] | Metadata[Targets]]:
        staged: dict[str, Metadata[Root] | Metadata[Targets]] = {}
        if (self._staged / "root.json").exists():
            staged[ROOT] = self._read(self._staged / "root.json", Root)
        if (self._staged / "targets.json").exists():
            staged[TARGETS] = self._read(self._staged / "targets.json", Targets)
        return staged

    def _staged_or(self, kind: type[Signed], published: Metadata[Signed]) -> Metadata[Signed]:
        file = self._staged / f"{kind.type}.json"
        return self._read(file, kind) if file.exists() else published

    def _newest(self, kind: type[Signed]) -> Metadata[Signed]:
        found = self._newest_or_none(kind)
        if found is None:
            msg = f"{self.folder}: contains no feed; make one with: qalqan feed init"
            raise ListError(msg)
        return found

    def _newest_or_none(self, kind: type[Signed]) -> Metadata[Signed] | None:
        if kind is Timestamp:
            file = self._metadata / "timestamp.json"
            return self._read(file, kind) if file.exists() else None
        ending = f".{kind.type}.json"
        versions = [
            int(number)
            for file in self._metadata.glob(f"*{ending}")
            if (number := file.name.removesuffix(ending)).isdecimal()
        ]
        return self._read(self._metadata / f"{max(versions)}{ending}", kind) if versions else None

    def _read(self, file: Path, kind: type[Signed]) -> Metadata[Signed]:
        try:
            found = Metadata[kind].from_bytes(file.read_bytes())  # type: ignore[valid-type]
        except DeserializationError as error:
            msg = f"{file}: is not metadata of a feed ({error})"
            raise ListError(msg) from error
        if not isinstance(found.signed, kind):
            msg = f"{file}: is not {kind.type} metadata"
            raise ListError(msg)
        return found

    @staticmethod
    def _write(file: Path, data: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_public(file, data)

    def _expires(self, role: str) -> datetime:
        return (self._now() + LIFETIMES[role]).replace(microsecond=0)

    @staticmethod
    def _is_signed(role: str, metadata: Metadata[Root] | Metadata[Targets], root: Root, old: Root) -> bool:
        data, signatures = metadata.signed_bytes, metadata.signatures
        delegators = (root, old) if role == ROOT else (root,)
        return all(by.get_verification_result(role, data, signatures).verified for by in delegators)

    @staticmethod
    def _signatures(role: str, metadata: Metadata[Root] | Metadata[Targets], root: Root, old: Root) -> str:
        data, signatures = metadata.signed_bytes, metadata.signatures
        found = root.get_verification_result(role, data, signatures)
        line = f"{role}: {len(found.signed)} of {found.threshold} signatures"
        before = old.get_verification_result(role, data, signatures)
        if role == ROOT and old.roles[ROOT].keyids != root.roles[ROOT].keyids:
            line += f", and {len(before.signed)} of {before.threshold} of the previous keys"
        return line


def make_key(path: Path) -> CryptoSigner:
    """Make an Ed25519 key in a file with mode 0600, and its public half beside it. Raises ListError."""
    if path.exists():
        msg = f"{path}: exists already; what it signed would become invalid: name another file"
        raise ListError(msg)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    encoding = forms.Encoding.PEM
    private = key.private_bytes(encoding, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    write_atomically(path, private)
    public = key.public_key().public_bytes(encoding, forms.PublicFormat.SubjectPublicKeyInfo)
    write_atomically(path.with_suffix(".pub"), public)
    return CryptoSigner(key)


def read_signer(path: Path) -> CryptoSigner:
    """Return the signer of a private key file. Raises ListError if others may read the file."""
    if path.exists() and path.stat().st_mode & 0o077:
        msg = f"{path}: other users may read this key; run: chmod 600 {path}"
        raise ListError(msg)
    try:
        key = forms.load_pem_private_key(read_bounded(path, MAX_KEY), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"{path}: is not a private Ed25519 key; make one with: qalqan feed key FILE"
        raise ListError(msg)
    return CryptoSigner(key)


def read_public(path: Path) -> SSlibKey:
    """Return the public key in a public or private key file. Raises ListError."""
    try:
        key = forms.load_pem_public_key(read_bounded(path, MAX_KEY))
    except (ValueError, UnsupportedAlgorithm):
        return read_signer(path).public_key
    if not isinstance(key, Ed25519PublicKey):
        msg = f"{path}: is not an Ed25519 key; make one with: qalqan feed key FILE"
        raise ListError(msg)
    return SSlibKey.from_crypto(key)


def _published_line(signed: AnyRole) -> str:
    return f"{signed.type}: version {signed.version}, until {signed.expires:%Y-%m-%d}"


def _to_bytes(metadata: Metadata[Any]) -> bytes:
    return metadata.to_bytes(JSONSerializer(compact=True))


def _published_name(name: str, target: TargetFile) -> str:
    """Return the file name of a target with its hash, as consistent snapshots require."""
    return f"{target.hashes['sha256']}.{name}"


def _write_public(path: Path, data: bytes) -> None:
    """Write a file that web servers read. Its appearance is atomic."""
    write_atomically(path, data)
    path.chmod(PUBLIC_MODE)
