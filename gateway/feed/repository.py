"""The publisher's side of a signed feed: makes a static folder for web servers, with keys of four roles.

A feed's folder has ``public`` (what web servers serve), ``staged`` (files and metadata that wait for
signatures), and ``feed-root.json`` (the root file for gateways). Below the role targets, each provider has a
role of its own name, which signs the files of the folder of this name.
"""

from __future__ import annotations

import re
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
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
    VerificationResult,
)
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from gateway.core.errors import ListError
from gateway.core.files import read_bounded, write_atomically
from gateway.feed.provider_files import MAX_PROVIDER_FILE, RELEASE
from gateway.feed.target import (
    BUILT_KEY,
    FORMAT_KEY,
    ROLLOUT_KEY,
    SHARES,
    VERSION_KEY,
    FeedTable,
    candidate_name,
    final_name,
    is_candidate,
    table_name,
    table_prefix,
    target_name,
)
from gateway.policy.config.feed import PROVIDER
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
MAX_PROVIDERS = 200  # gateways read at most 256 kB of targets metadata; a provider takes 0.4 kB
KEPT_TARGETS = 3  # versions of the targets whose files stay: gateways may be between two requests
ROOT_FILE = "feed-root.json"
PUBLIC_MODE = 0o644
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)

Signed = TypeVar("Signed", Root, Snapshot, Targets, Timestamp)
AnyRole = Root | Snapshot | Targets | Timestamp


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """How many keys a new feed gets for the roles root and targets, and how many of them must sign."""

    root: int = 2
    root_threshold: int = 2
    targets: int = 1
    targets_threshold: int = 1


class FeedRepository:
    """The publisher's folder of a signed data feed (The Update Framework).

    It stages, signs and publishes files. ``now`` returns the time; it is a parameter for tests.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self._now = now
        self._metadata, self._targets = folder / "public" / "metadata", folder / "public" / "targets"
        self._staged = folder / "staged"

    # ------------------------------------------------------------------------------------ init

    def init(self, keys: Path, counts: KeyCounts) -> None:
        """Make keys in the folder ``keys``, and an empty, signed and published feed.

        Raises ListError if the feed or a key exists already, or a threshold is impossible.
        """
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
        self,
        bundle: bytes,
        data_format: int,
        version: int,
        tables: Iterable[FeedTable] = (),
        rollout: int | None = None,
    ) -> None:
        """Stage a bundle of data, its category tables and new targets metadata, which wait for signatures.

        With ``rollout``, they are a candidate for this percentage of gateways, in place of an older
        candidate. Without it they are for all gateways, and the candidate is removed. Bundles and
        tables of other formats stay in the feed. Raises ListError if ``version`` is not above all that
        this format ever had, for a roll-out of the format's first data, or for an invalid percentage.
        """
        newest = self.newest_version(data_format)
        if version <= newest:
            msg = f"version {version} is not above {newest}, which the feed had already; give a higher one"
            raise ListError(msg)
        metadata = self._next_targets(TARGETS)
        targets = metadata.signed.targets
        if rollout is not None and target_name(data_format) not in targets:
            msg = "the first data of a feed is for all gateways; leave --rollout out"
            raise ListError(msg)
        prefixes = (target_name(data_format), table_prefix(data_format))
        for name in [name for name in targets if final_name(name).startswith(prefixes)]:
            if rollout is None or is_candidate(name):
                del targets[name]
        shares = {} if rollout is None else {ROLLOUT_KEY: _share(rollout)}
        staged = [(target_name(data_format), bundle, {VERSION_KEY: version, **shares})]
        for table in tables:
            # A table belongs to one version of the data, and goes where the data goes.
            about = {
                VERSION_KEY: version,
                FORMAT_KEY: TABLE_FORMAT,
                BUILT_KEY: int(table.built.timestamp()),
            }
            staged.append((table_name(data_format, table.tier, table.order), table.packed, about))
        for plain, data, described in staged:
            placed = plain if rollout is None else candidate_name(plain)
            targets[placed] = self._stage_target(placed, data, described)
        self._stage(TARGETS, metadata)

    def stage_provider(self, name: str, keys: Sequence[Path]) -> None:
        """Stage targets metadata that lets each of ``keys`` (files) sign the files of an internet provider.

        One signature is enough. The keys replace former keys of the provider. Without keys, the
        provider is removed. Raises ListError for an invalid name or key, or too many providers, and
        PolicyError for a key file that cannot be read.
        """
        if PROVIDER.fullmatch(name) is None or name in ROLES:
            msg = f"{name}: is no provider's name; write it in small letters, such as alma-net"
            raise ListError(msg)
        metadata = self._next_targets(TARGETS)
        before = metadata.signed.delegations or Delegations(keys={}, roles={})
        roles = {role.name: role for role in _delegated(before).values() if role.name != name}
        added = [read_public(file) for file in keys]
        if added:
            ids = [key.keyid for key in added]
            roles[name] = DelegatedRole(name, ids, threshold=1, terminating=True, paths=[f"{name}/*"])
        if len(roles) > MAX_PROVIDERS:
            msg = f"the feed has {MAX_PROVIDERS} providers; remove one before"
            raise ListError(msg)
        used = {keyid for role in roles.values() for keyid in role.keyids}
        known = {**before.keys, **{key.keyid: key for key in added}}
        metadata.signed.delegations = Delegations(
            keys={keyid: key for keyid, key in known.items() if keyid in used}, roles=roles
        )
        self._stage(TARGETS, metadata)

    def stage_files(self, provider: str, files: Iterable[Path], rollout: int | None = None) -> None:
        """Stage files of an internet provider, under their own names, and metadata for the provider to sign.

        With ``rollout``, they are candidates for this percentage of gateways, and the files for all
        gateways stay. Without it, candidates of these files are removed. Raises ListError for an
        unknown provider, an invalid name or percentage, a file that is too large, or a roll-out of
        the first release (RELEASE), and PolicyError for a file that cannot be read. The metadata is
        staged after all files were checked.
        """
        self._role_of(provider)
        metadata = self._next_targets(provider)
        for file in files:
            name = f"{provider}/{file.name}"
            if _FILE.fullmatch(file.name) is None or is_candidate(name):
                msg = f"{file}: cannot be the name of a file in the feed; use letters, digits, and . _ -"
                raise ListError(msg)
            data = read_bounded(file, MAX_PROVIDER_FILE)
            if len(data) > MAX_PROVIDER_FILE:
                msg = f"{file}: has more than {MAX_PROVIDER_FILE >> 20} MB, which gateways do not take"
                raise ListError(msg)
            targets = metadata.signed.targets
            targets.pop(candidate_name(name), None)
            if rollout is None:
                targets[name] = self._stage_target(name, data, {})
                continue
            if file.name == RELEASE and name not in targets:
                msg = (
                    "the first release of a provider is for all gateways, and a withdrawal returns to it; "
                    "leave --rollout out, and name the version that they have"
                )
                raise ListError(msg)
            name = candidate_name(name)
            targets[name] = self._stage_target(name, data, {ROLLOUT_KEY: _share(rollout)})
        self._stage(provider, metadata)

    def stage_percentage(self, role: str, percent: int, files: Sequence[str] = ()) -> None:
        """Stage another percentage of gateways for the candidates (files in roll-out) of a role; 0 stops it.

        ``files`` are the names of a provider's files; without them, all candidates of the role.
        Gateways that have a candidate keep it. Raises ListError if one of ``files`` has no candidate,
        if the role has none, or for an invalid percentage.
        """
        metadata, names = self._candidates(role, files)
        for name in names:
            custom = metadata.signed.targets[name].custom
            if custom is not None and ROLLOUT_KEY in custom:
                custom[ROLLOUT_KEY] = _share(percent)
        self._stage(role, metadata)

    def stage_withdrawal(self, role: str, files: Sequence[str] = ()) -> None:
        """Stage metadata without the candidates (files in roll-out) of a role, so that gateways go back.

        They return to the files before. ``files``: only these. The version of the metadata increases,
        so no gateway takes this for an attack. Raises ListError if there is no such candidate.
        """
        metadata, names = self._candidates(role, files)
        for name in names:
            del metadata.signed.targets[name]
        self._stage(role, metadata)

    def stage_end(self, role: str, files: Sequence[str] = ()) -> None:
        """End a roll-out: stage the candidates of a role as the files for all gateways.

        ``files``: only these. Raises ListError if there is no such candidate.
        """
        metadata, names = self._candidates(role, files)
        targets = metadata.signed.targets
        for name in names:
            target = targets.pop(name)
            staged = self._staged / TARGETS / name
            file = staged if staged.exists() else self._targets / _published_name(name, target)
            about = {key: value for key, value in (target.custom or {}).items() if key != ROLLOUT_KEY}
            targets[final_name(name)] = self._stage_target(
                final_name(name), read_bounded(file, MAX_PROVIDER_FILE), about
            )
        self._stage(role, metadata)

    def _candidates(self, role: str, files: Sequence[str]) -> tuple[Metadata[Targets], list[str]]:
        """Return the next metadata of a role, and the names of its candidates (files in roll-out).

        ``files``: only candidates of these. Raises ListError if there is none, or not one for each of
        ``files``.
        """
        metadata = self._next_targets(role)
        wanted = {candidate_name(f"{role}/{file}") for file in files}
        names = [
            name for name in metadata.signed.targets if is_candidate(name) and (not files or name in wanted)
        ]
        if not names or len(names) < len(wanted):
            msg = f"{role}: there is no such roll-out; begin one with --rollout (see: qalqan feed info)"
            raise ListError(msg)
        return metadata, names

    def _role_of(self, provider: str) -> DelegatedRole:
        """Return the delegated role of an internet provider: its keys and threshold.

        Raises ListError if the feed has none.
        """
        role = _delegated(self._all_targets().delegations).get(provider)
        if role is None:
            msg = f"{provider}: is no provider of this feed; add it with: qalqan feed provider"
            raise ListError(msg)
        return role

    def _all_targets(self) -> Targets:
        """Return the publisher's targets metadata: the staged version, else the published one."""
        metadata: Metadata[Targets] = self._staged_or(TARGETS, self._newest(TARGETS))
        return metadata.signed

    def _stage_target(self, name: str, data: bytes, about: Mapping[str, int]) -> TargetFile:
        """Write a file to the staging folder. Return its signed description: length, hash and ``about``."""
        file = self._staged / TARGETS / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, data)
        target = TargetFile.from_data(name, data, ["sha256"])
        if about:
            target.unrecognized_fields["custom"] = dict(about)
        return target

    def newest_version(self, data_format: int) -> int:
        """Return the highest version of data of this format that was ever published; 0 if there was none.

        A withdrawn version is never used again, since gateways may still have its data.
        """
        names = (target_name(data_format), candidate_name(target_name(data_format)))
        versions = [0]
        for number in self._versions(TARGETS):
            targets = self._read(self._metadata / f"{number}.targets.json", Targets).signed.targets
            found = (targets[name].custom or {} for name in names if name in targets)
            versions += [int(custom.get(VERSION_KEY, 0)) for custom in found]
        return max(versions)

    def stage_root(
        self, role: str, *, add: Sequence[Path] = (), remove: Iterable[str] = (), threshold: int | None = None
    ) -> None:
        """Stage the next root metadata with other keys or another threshold of ``role``, and a new expiry.

        ``add``: files with public or private keys. ``remove``: beginnings of key ids. For the role
        targets, its metadata is staged too, to be signed again. ``threshold`` None: unchanged. Raises
        ListError for an invalid key, a beginning of none or several keys, or a threshold above the
        number of keys, and PolicyError for a key file that cannot be read.
        """
        metadata = self._staged_or(ROOT, self._newest(ROOT))
        root = metadata.signed
        root.version = self._newest(ROOT).signed.version + 1
        root.expires = self._expires(ROOT)
        for file in add:
            root.add_key(read_public(file), role)
        for start in remove:
            found = [key for key in root.roles[role].keyids if key.startswith(start)]
            if len(found) != 1:
                msg = f"{start}: {len(found)} keys of the role {role} begin with it; see: qalqan feed info"
                raise ListError(msg)
            root.revoke_key(found[0], role)
        root.roles[role].threshold = threshold or root.roles[role].threshold
        if root.roles[role].threshold > len(root.roles[role].keyids):
            msg = f"the role {role} would have {len(root.roles[role].keyids)} keys, fewer than its threshold"
            raise ListError(msg)
        metadata.signatures.clear()
        self._write(self._staged / "root.json", _to_bytes(metadata))
        if role == TARGETS and not (self._staged / "targets.json").exists():
            self._stage(TARGETS, self._next_targets(TARGETS))

    def sign(self, keys: Iterable[Path]) -> list[str]:
        """Sign each staged role's metadata with those of ``keys`` (files) that belong to the role.

        Return a line for each staged role: how many signatures it has. Raises ListError if nothing is
        staged, or a key is invalid or belongs to no staged role, and PolicyError if a key file cannot
        be read.
        """
        old = self._newest(ROOT).signed
        root = self._staged_or(ROOT, self._newest(ROOT))
        staged = self._staged_metadata()
        if not staged:
            msg = "nothing waits for a signature; run first: qalqan feed build"
            raise ListError(msg)
        for file in keys:
            signer = read_signer(file)
            key, used = signer.public_key.keyid, False
            for role, metadata in staged.items():
                allowed = (
                    {*root.signed.roles[role].keyids, *(old.roles[ROOT].keyids if role == ROOT else ())}
                    if role in ROLES
                    else self._role_of(role).keyids
                )
                if key in allowed:
                    metadata.sign(signer, append=True)
                    used = True
            if not used:
                msg = f"{file}: this key is not one of the roles that wait: {', '.join(staged)}"
                raise ListError(msg)
        for role, metadata in staged.items():
            self._write(self._staged / f"{role}.json", _to_bytes(metadata))
        return [self._signatures(role, metadata, root.signed, old) for role, metadata in staged.items()]

    def _providers(self) -> list[str]:
        return list(_delegated(self._all_targets().delegations))

    # ------------------------------------------------------------------------------------ publish

    def publish(self, keys: Iterable[Path]) -> list[str]:
        """Move what is staged and signed to the public folder, and sign snapshot and timestamp again.

        ``keys``: files with these two roles' keys. Also deletes files of old versions. Return a line
        for each published role. Raises ListError if a staged role lacks signatures, a provider's
        metadata is invalid, a key is missing or invalid, or a file was changed, and PolicyError if a
        key file cannot be read.
        """
        old = self._newest(ROOT).signed
        staged = self._staged_metadata()
        root, lines = self._staged_or(ROOT, self._newest(ROOT)).signed, []
        for role, metadata in staged.items():
            if not self._is_signed(role, metadata, root, old):
                msg = f"{self._signatures(role, metadata, root, old)}; sign it with: qalqan feed sign"
                raise ListError(msg)
        if not self._is_signed(TARGETS, staged.get(TARGETS, self._newest(TARGETS)), root, old):
            msg = "the published targets are not signed by the new targets keys; run: qalqan feed build"
            raise ListError(msg)
        for role in staged.keys() - set(ROLES):
            self._check_provider(role, staged[role])
        signers = [read_signer(file) for file in keys]
        self._check_online(root, signers)
        for role, metadata in staged.items():
            if isinstance(metadata.signed, Targets):
                self._copy_targets(metadata.signed)
            self._write(self._metadata / f"{metadata.signed.version}.{role}.json", _to_bytes(metadata))
            lines.append(_published_line(role, metadata.signed))
        lines += self._publish_online(root, signers)
        shutil.rmtree(self._staged, ignore_errors=True)
        self._delete_old_targets()
        return lines

    def _check_provider(self, provider: str, metadata: Metadata[Any]) -> None:
        """Raise ListError if a provider's staged metadata has a wrong version, or files that gateways reject.

        Each file must be in the provider's folder and have a SHA-256 as its only hash.
        """
        staged, published = metadata.signed, self._newest_or_none(provider)
        version = 1 + (0 if published is None else published.signed.version)
        if staged.version != version:
            # A lower version would make gateways refuse the whole snapshot.
            msg = f"{provider}: has version {staged.version}, not {version}; add its files again"
            raise ListError(msg)
        for name, target in staged.targets.items():
            folder, _, file = name.partition("/")
            if folder != provider or _FILE.fullmatch(file) is None:
                msg = f"{provider}: {name!r} is not in the folder of this provider; take it out"
                raise ListError(msg)
            if target.hashes.keys() != {"sha256"}:
                msg = f"{provider}: {name!r} needs its SHA-256 and no other hash; use: qalqan feed add"
                raise ListError(msg)

    def _publish_online(self, root: Root, signers: Sequence[CryptoSigner]) -> list[str]:
        """Write a signed timestamp, and a new snapshot if the old one is not current.

        It is not current if roles have other versions, it expires soon, or its key is no longer valid.
        Return a line for each that was written.
        """
        # A role that was removed stays in the snapshot: gateways refuse one in which a role is missing.
        roles = {file.name.split(".")[1] for file in self._metadata.glob("*.*.json")} - {ROOT, SNAPSHOT}
        meta = {f"{role}.json": MetaFile(self._newest(role).signed.version) for role in sorted(roles)}
        old = self._newest_or_none(SNAPSHOT)
        lines = []
        if old is None or not self._is_current(old, root, meta):
            snapshot = Snapshot(
                version=1 if old is None else old.signed.version + 1,
                expires=self._expires(SNAPSHOT),
                meta=meta,
            )
            self._sign_online(
                Metadata(snapshot), SNAPSHOT, root, signers, f"{snapshot.version}.snapshot.json"
            )
            lines.append(_published_line(SNAPSHOT, snapshot))
        newest = self._newest(SNAPSHOT).signed.version
        file = self._metadata / f"{newest}.snapshot.json"
        stamp = self._newest_or_none(TIMESTAMP)
        timestamp = Timestamp(
            version=1 if stamp is None else stamp.signed.version + 1,
            expires=self._expires(TIMESTAMP),
            snapshot_meta=MetaFile.from_data(newest, file.read_bytes(), ["sha256"]),
        )
        self._sign_online(Metadata(timestamp), TIMESTAMP, root, signers, "timestamp.json")
        return [*lines, _published_line(TIMESTAMP, timestamp)]

    def _is_current(self, snapshot: Metadata[Snapshot], root: Root, meta: Mapping[str, MetaFile]) -> bool:
        half = self._now() + LIFETIMES[SNAPSHOT] / 2
        return (
            snapshot.signed.meta == meta
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
        """Delete public files that none of the last KEPT_TARGETS versions of targets metadata names."""
        kept = {
            self._targets / _published_name(name, target)
            for role in (TARGETS, *self._providers())
            for version in self._versions(role)[-KEPT_TARGETS:]
            for name, target in self._read(
                self._metadata / f"{version}.{role}.json", Targets
            ).signed.targets.items()
        }
        for file in self._targets.rglob("*"):
            if file.is_file() and file not in kept:
                file.unlink()

    # ------------------------------------------------------------------------------------ status

    def describe(self) -> list[tuple[str, ...]]:
        """Return a table of the roles: a header row, and rows with version, expiry, signatures and key ids.

        Signatures: how many of the role's keys must sign.
        """
        root = self._newest(ROOT).signed
        delegated = _delegated(self._newest(TARGETS).signed.delegations)
        rows: list[tuple[str, ...]] = [("ROLE", "VERSION", "UNTIL", "SIGNATURES", "KEYS")]
        for name, role in {**{name: root.roles[name] for name in ROLES}, **delegated}.items():
            found = self._newest_or_none(name)
            version = "none" if found is None else str(found.signed.version)
            until = "-" if found is None else f"{found.signed.expires:%Y-%m-%d}"
            keys = " ".join(key[:12] for key in role.keyids)
            rows.append((name, version, until, f"{role.threshold} of {len(role.keyids)}", keys))
        return rows

    def rollouts(self) -> list[tuple[str, ...]]:
        """Return a table of the published roll-outs: a header row, then file name and percentage of each."""
        rows: list[tuple[str, ...]] = [("ROLL-OUT", "GATEWAYS")]
        for role in (TARGETS, *_delegated(self._newest(TARGETS).signed.delegations)):
            found = self._newest_or_none(role)
            for name, target in {} if found is None else found.signed.targets.items():
                if is_candidate(name) and ROLLOUT_KEY in (target.custom or {}):
                    rows.append((final_name(name), f"{target.custom[ROLLOUT_KEY]} %"))
        return rows

    # ------------------------------------------------------------------------------------ files

    def _next_targets(self, role: str) -> Metadata[Targets]:
        """Return a role's targets metadata to edit: the staged or published one, with the next version.

        It has no signatures and a new expiry. For a role without metadata, it is empty.
        """
        published = self._newest_or_none(role)
        first = Metadata(Targets(version=1, expires=self._expires(TARGETS)))
        metadata = self._staged_or(role, published or first)
        metadata.signed.version = 1 + (0 if published is None else published.signed.version)
        metadata.signed.expires = self._expires(TARGETS)
        metadata.signatures.clear()
        return metadata

    def _stage(self, role: str, metadata: Metadata[Targets]) -> None:
        self._write(self._staged / f"{role}.json", _to_bytes(metadata))

    def _staged_metadata(self) -> dict[str, Metadata[Root] | Metadata[Targets]]:
        """Return the staged metadata, which waits for signatures, by role: root, targets, and providers."""
        names = sorted(self._staged.glob("*.json"), key=lambda file: (file.stem not in OFFLINE, file.stem))
        return {file.stem: self._read(file, _kind(file.stem)) for file in names}

    def _staged_or(self, role: str, published: Metadata[Signed]) -> Metadata[Signed]:
        file = self._staged / f"{role}.json"
        return self._read(file, _kind(role)) if file.exists() else published

    def _newest(self, role: str) -> Metadata[Any]:
        found = self._newest_or_none(role)
        if found is None:
            msg = f"{self.folder}: contains no feed; make one with: qalqan feed init"
            raise ListError(msg)
        return found

    def _newest_or_none(self, role: str) -> Metadata[Any] | None:
        if role == TIMESTAMP:
            file = self._metadata / "timestamp.json"
            return self._read(file, Timestamp) if file.exists() else None
        versions = self._versions(role)
        return self._read(self._metadata / f"{versions[-1]}.{role}.json", _kind(role)) if versions else None

    def _versions(self, role: str) -> list[int]:
        """Return the version numbers of a role's published metadata, in ascending order."""
        ending = f".{role}.json"
        numbers = (file.name.removesuffix(ending) for file in self._metadata.glob(f"*{ending}"))
        return sorted(int(number) for number in numbers if number.isdecimal())

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

    def _is_signed(
        self, role: str, metadata: Metadata[Root] | Metadata[Targets], root: Root, old: Root
    ) -> bool:
        return all(result.verified for result in self._results(role, metadata, root, old))

    def _results(
        self, role: str, metadata: Metadata[Root] | Metadata[Targets], root: Root, old: Root
    ) -> list[VerificationResult]:
        """Return by which keys a role's metadata is signed, and how many must sign.

        A changed root role has a second result, for the previous root keys. Raises ListError for a
        provider that the feed does not have.
        """
        delegators: list[Root | Targets] = [root]
        if role == ROOT and old.roles[ROOT] != root.roles[ROOT]:
            delegators.append(old)
        elif role not in ROLES:
            self._role_of(role)
            delegators = [self._all_targets()]
        data, signatures = metadata.signed_bytes, metadata.signatures
        return [by.get_verification_result(role, data, signatures) for by in delegators]

    def _signatures(
        self, role: str, metadata: Metadata[Root] | Metadata[Targets], root: Root, old: Root
    ) -> str:
        now, *before = self._results(role, metadata, root, old)
        line = f"{role}: {len(now.signed)} of {now.threshold} signatures"
        for result in before:
            line += f", and {len(result.signed)} of {result.threshold} of the previous keys"
        return line


def make_key(path: Path) -> CryptoSigner:
    """Make an Ed25519 key: the private key in ``path``, mode 0600, the public one next to it (``.pub``).

    Return its signer. Raises ListError if the file exists.
    """
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
    """Return the signer of a private key file.

    Raises ListError if other users may read it or it is no Ed25519 key, and PolicyError if it cannot be
    read.
    """
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
    """Return the public key in a public or private key file.

    Raises ListError if it is no Ed25519 key, or a private one that others may read, and PolicyError if it
    cannot be read.
    """
    try:
        key = forms.load_pem_public_key(read_bounded(path, MAX_KEY))
    except (ValueError, UnsupportedAlgorithm):
        return read_signer(path).public_key
    if not isinstance(key, Ed25519PublicKey):
        msg = f"{path}: is not an Ed25519 key; make one with: qalqan feed key FILE"
        raise ListError(msg)
    return SSlibKey.from_crypto(key)


def _kind(role: str) -> Any:
    """Return the class of a role's metadata; `Targets` for a provider."""
    return {ROOT: Root, SNAPSHOT: Snapshot, TIMESTAMP: Timestamp}.get(role, Targets)


def _delegated(delegations: Delegations | None) -> Mapping[str, DelegatedRole]:
    """Return the roles of providers in ``delegations``, by their names; empty for None."""
    return {} if delegations is None or delegations.roles is None else delegations.roles


def _share(percent: int) -> int:
    if not 0 <= percent <= SHARES:
        msg = f"{percent}: is no percentage; write 0 to {SHARES}"
        raise ListError(msg)
    return percent


def _published_line(role: str, signed: AnyRole) -> str:
    return f"{role}: version {signed.version}, until {signed.expires:%Y-%m-%d}"


def _to_bytes(metadata: Metadata[Any]) -> bytes:
    return metadata.to_bytes(JSONSerializer(compact=True))


def _published_name(name: str, target: TargetFile) -> str:
    """Return a file's path in the feed, with its SHA-256 before the name, for consistent snapshots."""
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{target.hashes['sha256']}.{file}"


def _write_public(path: Path, data: bytes) -> None:
    """Write a file atomically, readable by all users, so that a web server can serve it.

    Creates its folder, but not the folders above.
    """
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, data)
    path.chmod(PUBLIC_MODE)
