"""What is fuzzed of files: a trusted name's certificate, a state's register, keys of sealed lists, backups;
what a family, or whoever makes a country's pack, writes in YAML; a management server's archive; a wallet's
seal and the verifier's own door.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from gateway.age.dcapi import ask
from gateway.age.hpke import POINT, derive_key, unseal
from gateway.age.refusals import AgeProofError
from gateway.check.provider_archive import FAMILY, read_archive, refusals_of
from gateway.core.errors import ListError, PolicyError
from gateway.household.uci import parse_uci
from gateway.lists.book import CopyIndex
from gateway.lists.canaries import Canaries
from gateway.lists.must_resolve import MustResolve, MustSite, parse_must_resolve
from gateway.lists.registers import copy_register_file, note, usable
from gateway.lists.sealed import read_keys
from gateway.policy.config.config import parse_config
from gateway.policy.config.registers import Register
from gateway.policy.names.countries import parse_country
from gateway.policy.names.packs import parse_sites
from gateway.policy.profile.backup_format import Backup, backup_text, parse_backup
from gateway.policy.profile.bands import parse_band
from gateway.policy.profile.profile import parse_profile
from gateway.web.age_proof import answer
from gateway.web.backup_encryption import BackupFileError, encrypt_backup, read_header
from gateway.web.certificates import examine
from gateway.web.examined_certificate import parse_examined
from gateway.web.request_process import RequestError
from tests.age.wallet import EU_AV, NOW, TRUST_PUBLIC, Issuer, Wallet, new_key, trust_file
from tests.household.uci.written import written
from tests.policy.homes import product, words
from tests.web.authority import NAME, Pair, TrustedAuthority, self_signed

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
ORIGIN = f"https://{NAME}"
CANARIES = Canaries(("www.example.org",), must=MustResolve([MustSite("help.example", "health", "en")]))


def home_certificate(data: bytes) -> None:
    """As chain and as key; as what is inside of either; and as a further certificate of a good chain."""
    inside, good = _pem("CERTIFICATE", data), _pair()
    for chain, key in (
        (data, data),
        (inside, _pem("PRIVATE KEY", data)),
        (good.chain + inside, good.key),
    ):
        found = examine(NAME, chain, key)
        assert all("; " in one and one.isprintable() for one in found.problems), found.problems
        read = parse_examined(json.loads(json.dumps(found.as_json())))
        assert read.all_problems(AT) == found.all_problems(AT)


def _pem(kind: str, data: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (
        kind.encode(),
        base64.encodebytes(data),
        kind.encode(),
    )


@cache
def _pair() -> Pair:
    return TrustedAuthority().issue()


def _certificates() -> list[bytes]:
    one = _pair()
    inside = [base64.b64decode(b"".join(pem.splitlines()[1:-1])) for pem in (one.leaf, one.key)]
    return [one.chain, one.key, one.chain + one.key, self_signed().chain, *inside]


def hpke(data: bytes) -> None:
    """The sender's point and what it sealed; what it sealed behind a point that is one."""
    key = derive_key(bytes(32))
    for enc in (data[:POINT], _point()):
        with contextlib.suppress(AgeProofError):
            unseal(key, enc, data[POINT:], b"info")


@cache
def _point() -> bytes:
    numbers = new_key().public_key().public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def _sealed() -> list[bytes]:
    return [_point() + bytes(16), _point()]


def age_request(data: bytes) -> None:
    """A line for `python -m gateway.web.age_proof`; and a wallet's answer in one that is otherwise right."""
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(data)
        for request in (told, {**_verify(), "response": told}):
            if isinstance(request, dict):
                with contextlib.suppress(RequestError, AgeProofError):
                    json.dumps(answer(request))


@cache
def _verify() -> dict[str, object]:
    issuer = Issuer()
    file = Path(_lasting_folder().name) / "trust.json"
    file.write_bytes(trust_file(issuer))
    request, challenge = ask(ORIGIN, NOW, bytes(range(64)))
    key = base64.b64encode(TRUST_PUBLIC).decode("ascii")
    return {
        "do": "verify", "challenge": challenge.text(), "now": NOW.isoformat(), "lasting": 3600, "key": key,
        "trust": str(file), "response": json.loads(Wallet(issuer, EU_AV).answer(request, ORIGIN)),
    }  # fmt: skip


@cache
def _lasting_folder() -> tempfile.TemporaryDirectory[str]:
    """Until this process ends."""
    return tempfile.TemporaryDirectory(prefix="fuzz-")


def _requests() -> list[bytes]:
    asked = {"do": "ask", "origin": ORIGIN, "now": NOW.isoformat(), "documents": [EU_AV]}
    return [json.dumps(one).encode() for one in (asked, _verify(), _verify()["response"])]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        yield Path(name)


def register(data: bytes) -> None:
    """A state's list, from its file to what the build reads."""
    with _folder() as folder:
        file = folder / "names.txt"
        file.write_bytes(data)
        one, book = Register("kz", "", str(file), on=True), CopyIndex(folder)
        with contextlib.suppress(ListError):
            copy_register_file(one, book, CANARIES, AT)
            note([one], book, CANARIES.must)
            usable(one, book)
            assert book.copies[one.source].error.isprintable()


def _registers() -> list[bytes]:
    return [
        b"a.example\nhelp.example\n*.b.example\n",
        b"192.0.2.7\n",
        b"0.0.0.0 www.example.org\n",
        b"||a.example^\n@@||help.example^\n",
    ]


def set_keys(data: bytes) -> None:
    with _folder() as folder:
        file = folder / "keys"
        file.touch(0o600)
        file.write_bytes(data)
        with contextlib.suppress(ListError):
            assert all(len(one) == 32 for one in read_keys(file))


def _key_files() -> list[bytes]:
    return [b"# of November\n" + 64 * b"a" + b"\n\n" + 64 * b"0" + b"\n"]


def backup(data: bytes) -> None:
    """A file's head, and what is sealed in it."""
    with contextlib.suppress(BackupFileError):
        read_header(data)
    with contextlib.suppress(PolicyError):
        read = parse_backup(data.decode("utf-8", "replace"))
        assert parse_backup(backup_text(read)) == replace(read, made=read.made.replace(microsecond=0))


@cache
def _backups() -> list[bytes]:
    profiles = {"son.yaml": "band: 10-12\n"}
    text = backup_text(Backup(AT, "Mum", "gateway", "1.0", {}, None, profiles, {})).encode()
    return [text, encrypt_backup(text, "a long word")]


def settings(data: bytes) -> None:
    """qalqan.yaml: the trusted name, registers, sealed lists, whose proofs count."""
    with contextlib.suppress(PolicyError):
        read = parse_config(data, "fuzz.yaml", words().is_public_suffix)
        for one in read.registers:
            assert one.written()


def _settings() -> list[bytes]:
    key = base64.b64encode(TRUST_PUBLIC).decode("ascii")
    return [
        f"web: {{https: {{name: {NAME}, certificate: /a.pem, key: /b.pem, port: 8443}}}}\n".encode(),
        b"registers:\n  kz: {url: 'https://a.example/x', on: true, by: Mum, since: 2026-11-24}\n"
        b"  ru: {file: /x}\n",
        b"sealed:\n- {file: /a, set_key_file: /k, issuer_key: " + 64 * b"a" + b"}\n",
        f"age_trust: {{file: /a.json, key: {key}}}\ncountry: kz\ntimezone: Asia/Almaty\n".encode(),
        b"shared: {'02:00:00:00:00:01': {people: [a, b]}}\nday_starts: '04:00'\nmarks: {packet: 0xff}\n",
    ]


def uci(data: bytes) -> None:
    """A router's own settings: any file of its kind."""
    with contextlib.suppress(PolicyError):
        read = parse_uci(data, "fuzz")
        assert parse_uci(written(read.sections), "fuzz").file == read.file


def _uci() -> list[bytes]:
    return [
        b"package qalqan\n\nconfig qalqan 'main'\n\tlist lan 'br-lan'\n\toption flash 'poor'\n",
        b"c web 'web'\no port \"80\\\n\\\"80\"'x'\\''y' # z\n\nconfig brand\n  option name 'a\nb'\n",
    ]


def profile(data: bytes) -> None:
    """A child's file: steps, laws, bands."""
    with contextlib.suppress(PolicyError):
        parse_profile(data, "fuzz.yaml", "fuzz", product().bands, words())


def _profiles() -> list[bytes]:
    return [
        b"band: 13-15\nnext_step: 2027-05\nlaws: {au-under-16-social: Mum}\nlog_level: 1\n",
        b"band: 6-9\nbedtime: {school: '21:00-07:00'}\nlimits: {internet: 2h}\nallow: [a.example]\n",
    ]


def pack(data: bytes) -> None:
    """A country's pack, the sites that have to open, approved sites, a band."""
    check = words().is_public_suffix
    readers: tuple[Callable[[], object], ...] = (
        lambda: parse_country(data, "fuzz.yaml", check),
        lambda: parse_must_resolve(data, "fuzz.yaml", check),
        lambda: parse_sites(data, "fuzz.yaml", check),
        lambda: parse_band(data, "fuzz.yaml", words()),
    )
    for read in readers:
        with contextlib.suppress(PolicyError):
            read()


def _packs() -> list[bytes]:
    from profiles import DATA

    return [
        b"country: gb\nhelp_lines:\n- {id: a1, kind: rights, name: {en: A}, phone: '1', status: seen,\n"
        b"   source: s, date: 2026-11-24, verified_on: null}\nholidays_from: {source: s, date: 2026-11-24}\n"
        b"holidays:\n- {name: {en: N}, on: [01-01, easter-2, 2027-01-04]}\n",
        b"source: s\ndate: 2026-11-24\ntopics: {health: {en: [a.example]}}\n",
        b"language: en\nsites:\n- {id: a1, name: A, bands: [6-9],\n"
        b"   domains: [a.example], companions: []}\n",
        (DATA / "bands" / "13-15.yaml").read_bytes(),
        (DATA / "countries" / "au.yaml").read_bytes(),
    ]


def archive(data: bytes) -> None:
    """What a management server sends: any file; these bytes packed; and as three files of an archive."""
    inside = _tar(dict.fromkeys(("etc/config/qalqan", "etc/config/network", "etc/banner"), data))
    for content in (data, gzip.compress(data), gzip.compress(inside)):
        with _folder() as folder, contextlib.suppress(PolicyError):
            file = folder / "configuration.tar.gz"
            file.write_bytes(content)
            assert all(map(str, refusals_of(read_archive(file), (FAMILY,))))


def _tar(contents: Mapping[str, bytes], **headers: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = len(content), headers
            made.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _archives() -> list[bytes]:
    brand = b"config brand 'brand'\n\toption name 'Alma Net'\n"
    whole = _tar({"etc/config/qalqan": brand, "etc/qalqan/profiles/son.yaml": b"band: adult\n"})
    return [
        whole,
        gzip.compress(whole),
        brand,
        _tar({"etc/banner": b"x"}, path="etc/\0banner"),
        _tar({"etc/banner": b"x"}, **{"GNU.sparse.map": "x"}),
        _tar({"etc/banner": b"x"}, size="-512"),
    ]


SEEDS: dict[Callable[[bytes], None], Callable[[], list[bytes]]] = {
    home_certificate: _certificates,
    hpke: _sealed,
    age_request: _requests,
    register: _registers,
    set_keys: _key_files,
    backup: _backups,
    settings: _settings,
    uci: _uci,
    profile: _profiles,
    pack: _packs,
    archive: _archives,
}
