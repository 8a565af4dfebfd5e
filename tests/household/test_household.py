from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.age.bands import AgeBand
from gateway.core.errors import PolicyError
from gateway.core.files import DEFAULT_CONFIG
from gateway.household.loading import (
    MAX_PROFILES,
    Product,
    load,
    load_product,
    load_profile,
)
from gateway.policy.profile.household import Household, keep_last_good

TABLET, PHONE, TV = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:aa"
DAUGHTER = f'name: Daughter\nband: 10-12\ndevices: ["{TABLET}"]\n'
SON = f'name: Son\nband: 6-9\ndevices: ["{PHONE}"]\n'
MUM = "name: Mum\nband: adult\n"


@pytest.fixture(scope="module")
def product() -> Product:
    return load_product()


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    write(tmp_path, daughter=DAUGHTER, son=SON, mum=MUM)
    configure(tmp_path)
    return tmp_path


def write(etc: Path, **profiles: str) -> None:
    for name, text in profiles.items():
        (etc / "profiles" / f"{name}.yaml").write_text(text)


def configure(etc: Path, more: str = "") -> Path:
    path = etc / "qalqan.yaml"
    path.write_text(f"timezone: Asia/Almaty\nprofiles: {etc}/profiles\n{more}")
    return path


def read(etc: Path, product: Product) -> Household:
    return load(etc / "qalqan.yaml", product)


def test_the_products_data_is_whole(product: Product) -> None:
    assert set(product.bands) == set(AgeBand)
    assert "cloudflare-ech.com" in product.ech_names
    assert product.world(("en",)).resolvers.at(bytes([8, 8, 8, 8])) is product.resolvers.names.get(
        "dns.google"
    )
    assert len(product.catalogue.services) >= 150
    assert len(product.catalogue.groups) >= 12
    assert {product.needs.get(host) for host in ("captive.apple.com", "swcdn.apple.com")} == {
        "probes",
        "updates",
    }
    assert product.engines.get("www.google.kz") is not None
    assert {one.language for one in product.world(("kk",)).sites} == {"kk"}


def test_a_family(etc: Path, product: Product) -> None:
    family = read(etc, product)
    assert set(family.profiles) == {"daughter", "son", "mum"}
    assert not family.problems
    assert {one.id for one in family.children} == {"daughter", "son"}
    assert (family.guest.id, family.guest.band) == ("guest", AgeBand.AGE_10_12)
    assert (family.home.id, family.home.filtered) == ("home", False)
    assert family.config.timezone == "Asia/Almaty"


@pytest.mark.parametrize(
    ("profiles", "filters"),
    [
        ({}, False),
        ({"mum": MUM}, False),
        ({"mum": MUM, "son": SON}, True),
        ({"mum": MUM + "block: [example.com]\n"}, True),
        ({"son": "band: none of them\n"}, True),  # a broken file may be a child's
    ],
)
def test_whether_a_person_has_rules(
    tmp_path: Path, product: Product, profiles: dict[str, str], filters: bool
) -> None:
    (tmp_path / "profiles").mkdir()
    configure(tmp_path)
    write(tmp_path, **profiles)
    assert read(tmp_path, product).filters is filters


def test_who_is_found(etc: Path, product: Product) -> None:
    family = read(etc, product)
    for who, found in [("DAUGHTER", "daughter"), ("mum", "mum"), ("guest", "guest"), ("Home", "home")]:
        profile = family.find(who)
        assert profile is not None
        assert profile.id == found
    assert family.find("nobody") is None
    with pytest.raises(PolicyError, match="known profiles: daughter, mum, son"):
        family.profile("nobody")


def test_a_profile_is_found_by_its_name_without_regard_to_case(etc: Path, product: Product) -> None:
    write(etc, daughter=DAUGHTER.replace("Daughter", "Айгерім"))
    family = read(etc, product)
    for who in ("daughter", "Daughter", "Айгерім", "АЙГЕРІМ"):
        assert family.profile(who).id == "daughter"


def test_whose_a_device_is(etc: Path, product: Product) -> None:
    configure(etc, f'shared: {{"{TV}": {{people: [daughter, Son, mum]}}}}')
    family = read(etc, product)
    owners = {mac: family.owner_of(mac) for mac in (TABLET, PHONE, TV, "02:00:00:00:00:ff")}
    assert [None if one is None else one.id for one in owners.values()] == ["daughter", "son", "son", None]


def test_a_broken_profile_is_reported_and_the_others_load(etc: Path, product: Product) -> None:
    write(etc, son="band: 6-9\nlimits: {internet: 25h}\n")
    family = read(etc, product)
    assert set(family.profiles) == {"daughter", "mum"}
    assert set(family.problems) == {"son.yaml"}
    problem = str(family.problems["son.yaml"])
    assert problem.startswith(f"{etc}/profiles/son.yaml:2: limits.internet: '25h' is more than 24 hours")


def test_the_last_good_version_is_kept(etc: Path, product: Product) -> None:
    good = read(etc, product)
    write(etc, son="band: oops\n")
    kept = keep_last_good(read(etc, product), good)
    assert kept.profiles["son"] == good.profiles["son"]
    assert set(kept.problems) == {"son.yaml"}
    assert kept.guest.rules.bedtime == good.guest.rules.bedtime


def test_a_device_that_moved_meanwhile_is_not_kept_twice(etc: Path, product: Product) -> None:
    good = read(etc, product)
    write(etc, son="band: oops\n", daughter=DAUGHTER.replace(f'"{TABLET}"', f'"{TABLET}", "{PHONE}"'))
    kept = keep_last_good(read(etc, product), good)
    assert kept.profiles["son"].devices == ()
    owner = kept.owner_of(PHONE)
    assert owner is not None
    assert owner.id == "daughter"


def test_a_profile_that_is_gone_is_not_kept(etc: Path, product: Product) -> None:
    good = read(etc, product)
    (etc / "profiles" / "son.yaml").unlink()
    assert set(keep_last_good(read(etc, product), good).profiles) == {"daughter", "mum"}


def test_a_device_in_two_profiles(etc: Path, product: Product) -> None:
    write(etc, son=SON.replace(PHONE, TABLET))
    family = read(etc, product)
    assert f"the device {TABLET} is in the profiles 'daughter' and 'son'" in str(family.problems["son.yaml"])
    assert set(family.profiles) == {"daughter", "mum"}


def test_other_files_beside_the_profiles_are_left_alone(etc: Path, product: Product) -> None:
    for name in ("daughter.yaml.bak", "README", ".hidden.yaml", "notes.txt"):
        (etc / "profiles" / name).write_text("not: [a profile")
    assert not read(etc, product).problems


def test_a_profile_twice_with_two_endings(etc: Path, product: Product) -> None:
    (etc / "profiles" / "son.yml").write_text("band: 10-12")
    assert "have the same name" in str(read(etc, product).problems["son.yml"])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            f'shared: {{"{TV}": {{people: [daughter, nobody]}}}}',
            f":3: shared.{TV}.people[2]: there is no profile 'nobody'",
        ),
        (f'shared: {{"{TABLET}": {{people: [daughter, son]}}}}', "and in the profile 'daughter' too"),
        ("unknown_devices: nobody", "unknown_devices: there is no profile 'nobody'; use guest"),
        ("lan: []", "lan: names 0 interfaces"),
    ],
)
def test_a_configuration_that_cannot_be_used(etc: Path, product: Product, more: str, says: str) -> None:
    configure(etc, more)
    with pytest.raises(PolicyError, match=r"qalqan\.yaml") as refused:
        read(etc, product)
    assert says in str(refused.value)


@pytest.mark.parametrize("who", ["guest", "quarantine", "home", "mum", "Daughter"])
def test_what_unknown_devices_may_be(etc: Path, product: Product, who: str) -> None:
    configure(etc, f"unknown_devices: {who}")
    assert read(etc, product).config.unknown_devices == who


def test_a_broken_profile_may_be_named(etc: Path, product: Product) -> None:
    write(etc, son="band: oops\n")
    configure(etc, f'unknown_devices: son\nshared: {{"{TV}": {{people: [daughter, son]}}}}')
    owner = read(etc, product).owner_of(TV)
    assert owner is not None
    assert owner.id == "daughter"


def test_files_that_are_not_there(tmp_path: Path, product: Product) -> None:
    with pytest.raises(PolicyError, match=r"qalqan\.yaml: does not exist; create it, or use another path"):
        load(tmp_path / "qalqan.yaml", product)
    (tmp_path / "qalqan.yaml").write_text(f"profiles: {tmp_path}/nowhere")
    with pytest.raises(PolicyError, match="nowhere: does not exist"):
        load(tmp_path / "qalqan.yaml", product)
    assert Path("/etc/qalqan/qalqan.yaml") == DEFAULT_CONFIG


def test_files_that_cannot_be_read(etc: Path, product: Product) -> None:
    (etc / "profiles" / "dir.yaml").mkdir()
    family = read(etc, product)
    assert "cannot be read (Is a directory)" in str(family.problems["dir.yaml"])
    os.symlink("loop.yaml", etc / "profiles" / "loop.yaml")
    assert "cannot be read" in str(read(etc, product).problems["loop.yaml"])


def test_a_huge_file_is_not_read_whole(etc: Path, product: Product) -> None:
    with (etc / "profiles" / "son.yaml").open("wb") as file:
        file.truncate(1 << 32)
    assert "more than 262144" in str(read(etc, product).problems["son.yaml"])


def test_a_family_has_a_bounded_number_of_profiles(etc: Path, product: Product) -> None:
    write(etc, **{f"child{number}": "band: 10-12" for number in range(MAX_PROFILES)})
    with pytest.raises(PolicyError, match="has 67 profiles; keep at most 64"):
        read(etc, product)


def test_an_empty_family(tmp_path: Path, product: Product) -> None:
    (tmp_path / "profiles").mkdir()
    family = load(configure(tmp_path), product)
    assert not family.profiles
    assert family.guest.filtered


def test_one_profile_by_its_path(tmp_path: Path, product: Product) -> None:
    path = tmp_path / "kid.yaml"
    path.write_text(DAUGHTER)
    assert load_profile(path, product).id == "kid"
    with pytest.raises(PolicyError, match="does not exist"):
        load_profile(tmp_path / "none.yaml", product)


def test_what_a_broken_file_names_is_nobodys_and_no_thing_of_the_house(etc: Path, product: Product) -> None:
    write(etc, daughter=f"band: 10-13\ndevices: [{TABLET.upper().replace(':', '-')}, {PHONE}, not:a:mac]\n")
    family = read(etc, product)
    assert family.doubtful == {TABLET: "daughter.yaml"}
    assert family.problem_of(TABLET) is family.problems["daughter.yaml"]
    assert family.problem_of(PHONE) is None
    assert family.owner_of(TABLET) is family.guest
    owner = family.owner_of(PHONE)
    assert owner is not None
    assert owner.id == "son"
    assert {TABLET, PHONE} <= family.named
    assert family.owner_of(TV) is None
    write(etc, daughter=DAUGHTER)
    assert not read(etc, product).doubtful
    assert read(etc, product).problem_of(TABLET) is None


def test_a_shared_device_of_somebody_whose_file_is_broken(etc: Path, product: Product) -> None:
    configure(etc, f'shared: {{"{TV}": {{people: [Daughter, son]}}}}')
    assert read(etc, product).problem_of(TV) is None
    write(etc, daughter="band: oops")
    family = read(etc, product)
    assert family.problem_of(TV) is family.problems["daughter.yaml"]


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ("unknown_devices: nobody", "3: unknown_devices: there is no profile 'nobody'"),
        (
            "lan: [br-lan, br.guest]\ninterfaces:\n  br-lan: mum\n  br.guest: nobody",
            "6: interfaces.br.guest: there is no profile 'nobody'; use guest",
        ),
        (
            f'shared:\n  "{TV.upper()}":\n    people:\n      - son\n      - x',
            "7: shared.02:00:00:00:00:AA.people[2]: ",
        ),
        (f'shared:\n  "{TABLET}": {{people: [daughter, son]}}', f"4: shared.{TABLET}: the device is shared"),
    ],
)
def test_a_name_that_nobody_has_is_told_with_its_line(
    etc: Path, product: Product, more: str, where: str
) -> None:
    path = configure(etc, more)
    with pytest.raises(PolicyError) as refused:
        read(etc, product)
    assert str(refused.value).startswith(f"{path}:{where}")


def test_a_conflict_is_told_with_its_line(etc: Path, product: Product) -> None:
    write(etc, son=f"band: 6-9\ndevices:\n  - {PHONE}\n  - {TABLET}\n")
    assert f"son.yaml:4: devices[2]: the device {TABLET}" in str(read(etc, product).problems["son.yaml"])
    write(etc, son="band: 6-9\n\nname: DAUGHTER\n")
    assert "son.yaml:3: name: the profiles" in str(read(etc, product).problems["son.yaml"])


def test_what_is_no_regular_file_is_refused_at_once(etc: Path, product: Product) -> None:
    os.mkfifo(etc / "profiles" / "pipe.yaml")
    family = read(etc, product)
    assert str(family.problems["pipe.yaml"]).startswith(f"{etc}/profiles/pipe.yaml: is not a regular file")
    (etc / "qalqan.yaml").unlink()
    os.mkfifo(etc / "qalqan.yaml")
    with pytest.raises(PolicyError, match="is not a regular file"):
        read(etc, product)
    with pytest.raises(PolicyError, match="is not a regular file"):
        load_profile(Path("/dev/zero"), product)


def test_a_managed_device_has_an_allow_of_its_own(etc: Path, product: Product) -> None:
    configure(etc, f'managed: {{"{TABLET}": [vpn.school.kz]}}\n')
    family = read(etc, product)
    owner = family.owner_of(TABLET)
    assert owner is not None
    assert [str(one) for one in owner.rules.allow] == ["vpn.school.kz"]
    assert not family.profiles["daughter"].rules.allow
