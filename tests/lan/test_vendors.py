from __future__ import annotations

from pathlib import Path

import pytest

from gateway.lan.vendors import FOLDER, vendor_of

HEAD = "Registry,Assignment,Organization Name,Organization Address\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    filler = "".join(f'MA-L,{n:06X},"Filler, {n}","Street 1"\r\n' for n in range(0x100000, 0x100000 + 4000))
    (tmp_path / "oui.csv").write_text(
        HEAD
        + "MA-L,286FB8,First of the file,X\r\n"
        + filler
        + 'MA-L,286FB9,"Nokia ""Bell"" Co., Ltd.","No.388"\r\nMA-L,8C1F64,IEEE Registration Authority,X\r\n'
        "MA-L,C85CE2,IEEE Registration Authority,X\r\nMA-L,AAAAA8,Private,\r\nMA-L,28FFFF,Last\x07" + "x" * 99
    )
    (tmp_path / "mam.csv").write_text(HEAD + "MA-M,C85CE27,SYNERGY SYSTEMS,X\r\n")
    (tmp_path / "oui36.csv").write_text(HEAD + 'MA-S,8C1F64AFA,"DATA DEVICES, INC",X\r\n')
    return tmp_path


@pytest.mark.parametrize(
    ("mac", "vendor"),
    [
        ("28:6f:b8:00:00:01", "First of the file"),
        ("28:6f:b9:00:00:01", 'Nokia "Bell" Co., Ltd.'),
        ("10:0e:00:00:00:01", "Filler, 1052160"),
        ("c8:5c:e2:7a:bc:de", "SYNERGY SYSTEMS"),
        ("c8:5c:e2:8a:bc:de", ""),
        ("8c:1f:64:af:a1:23", "DATA DEVICES, INC"),
        ("aa:aa:a8:00:00:01", ""),
        ("28:ff:ff:00:00:01", "Last" + "x" * 60),
        ("28:00:00:00:00:01", ""),
        ("2a:6f:b9:00:00:01", ""),  # random
        ("29:6f:b9:00:00:01", ""),  # a group
    ],
)
def test_whose_it_is(folder: Path, mac: str, vendor: str) -> None:
    assert vendor_of(mac, folder) == vendor


def test_every_entry_is_found(folder: Path) -> None:
    for number in range(0x100000, 0x100000 + 4000, 37):
        mac = f"{number:06x}000001"
        assert vendor_of(":".join(mac[at : at + 2] for at in range(0, 12, 2)), folder) == f"Filler, {number}"


def test_nothing_where_it_is_not_installed(tmp_path: Path) -> None:
    assert vendor_of("28:6f:b9:00:00:01", tmp_path) == ""
    (tmp_path / "oui.csv").touch()
    assert vendor_of("28:6f:b9:00:00:01", tmp_path) == ""


@pytest.mark.needs(f"{FOLDER}/oui.csv")
def test_debians_files() -> None:
    assert vendor_of("b8:27:eb:00:00:01") == "Raspberry Pi Foundation"
    assert vendor_of("c8:5c:e2:70:00:01") == "SYNERGY SYSTEMS AND SOLUTIONS"
