"""The documents for providers: equal to the declaration, and well-formed. The schema: tests/usp/schema.py."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gateway.policy.config.usp import vendor_prefix
from gateway.usp.documents import BOTH, UBUS_OBJECT, bbfdm_plugin, datamodel_xml
from gateway.usp.model import ENABLE, MODEL, ModelParameter, root_path
from gateway.usp.settings import UspSettings
from gateway.usp.values import stopped_values
from tests.usp.scripted import ROOT, VENDOR

REPOSITORY = Path(__file__).parent.parent.parent
FOLDER = REPOSITORY / "docs" / "providers" / "datamodel"
NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")


@pytest.mark.parametrize(
    ("file", "text"), [("family-filter.xml", datamodel_xml(VENDOR)), ("bbfdm.json", bbfdm_plugin())]
)
def test_the_files_are_those_of_the_declaration(file: str, text: str) -> None:
    assert (FOLDER / file).read_text("utf-8") == text, "renew it: qalqan usp --document"


def test_the_xml_is_the_one_that_was_checked_with_the_schema() -> None:
    """By hand, as the schema of the Broadband Forum is not here. docs/providers/usp.md says how."""
    checked = (FOLDER.parent / "usp.md").read_text("utf-8")
    made = hashlib.sha256(datamodel_xml(VENDOR).encode()).hexdigest()
    assert f"| SHA-256 of the XML | `{made}` |" in checked, "check it again: docs/providers/usp.md, section 6"


def test_the_command_prints_them(tmp_path: Path) -> None:
    def printed(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gateway", "usp", "--document", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert printed("bbfdm").stdout == bbfdm_plugin()
    assert printed("xml").stdout == datamodel_xml(VENDOR)
    assert "Device.X_00256D_FamilyFilter." in printed("xml", "--vendor", "00256D").stdout
    wrong = printed("xml", "--vendor", "ISP")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("vendor", "prefix"),
    [
        ("isp.example", "X_ISP-EXAMPLE_"),
        ("qalqan.my-isp.example", "X_QALQAN-MY-ISP-EXAMPLE_"),
        ("00256D", "X_00256D_"),
        ("00256d", None),
        ("ISP.example", None),
        ("isp", None),
        ("isp.example.", None),
        ("-isp.example", None),
        ("", None),
    ],
)
def test_the_prefix_is_that_of_tr_106(vendor: str, prefix: str | None) -> None:
    assert vendor_prefix(vendor) == prefix


def test_names_are_unique_and_short() -> None:
    assert len({part.name for part in MODEL}) == len(MODEL)
    for part in MODEL:
        names = [parameter.name for parameter in part.parameters]
        assert len(set(names)) == len(names)
        for name in (part.name.removesuffix("."), *names):
            assert not name or NAME.fullmatch(name)
            assert len(root_path("a" * 63 + ".example") + part.name + name) <= 256


def test_each_key_has_a_value() -> None:
    keys = [parameter.key for part in MODEL for parameter in part.parameters]
    assert len(set(keys)) == len(keys)
    assert set(keys) == stopped_values(UspSettings("", "", "")).keys()


def elements() -> Iterator[tuple[str, ElementTree.Element]]:
    """Yield each object of the document with its path."""
    document = ElementTree.fromstring(datamodel_xml(VENDOR))
    assert document.tag == "{urn:broadband-forum-org:cwmp:datamodel-1-14}document"
    for element in document.iterfind("model/object"):
        yield element.attrib["name"], element


def test_the_xml_has_each_object_parameter_and_command() -> None:
    found = dict(elements())
    assert list(found) == [f"{ROOT}{part.name}" for part in MODEL]
    for part in MODEL:
        element = found[f"{ROOT}{part.name}"]
        assert element.findtext("description") == part.about
        assert [entry.attrib["name"] for entry in element.iterfind("command")] == [
            command.name for command in part.commands
        ]
        listed = {entry.attrib["name"]: entry for entry in element.iterfind("parameter")}
        assert list(listed) == [parameter.name for parameter in part.parameters]
        for parameter in part.parameters:
            entry = listed[parameter.name]
            assert (entry.attrib["access"] == "readWrite") == parameter.writable
            syntax = entry.find("syntax")
            assert syntax is not None
            assert [child.tag for child in syntax] == [parameter.type]
            values = [value.attrib["value"] for value in syntax.iter("enumeration")]
            assert values == list(parameter.choices)


def plugin_objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object of the plug-in with its path. Objects of an object are entries with a whole path."""
    plugin = json.loads(bbfdm_plugin())
    assert plugin.pop("json_plugin_version") == 2
    waiting = list(plugin.items())
    while waiting:
        path, entry = waiting.pop(0)
        yield path, entry
        waiting += [(key, value) for key, value in entry.items() if key.startswith(path)]


def test_the_plug_in_maps_each_parameter_to_its_value() -> None:
    found = dict(plugin_objects())
    assert list(found) == [f"Device.{{BBF_VENDOR_PREFIX}}FamilyFilter.{part.name}" for part in MODEL]
    for part, entry in zip(MODEL, found.values(), strict=True):
        assert (entry["type"], entry["protocols"], entry["array"]) == ("object", BOTH, False)
        for parameter in part.parameters:
            check_parameter(parameter, entry[parameter.name])
        for command in part.commands:
            mapped = entry[command.name]
            assert mapped["mapping"][0]["ubus"]["method"] == "support_file"
            assert list(mapped["output"]) == [output.name for output in command.outputs]


def check_parameter(parameter: ModelParameter, entry: dict[str, Any]) -> None:
    assert (entry["type"], entry["read"], entry["write"]) == (parameter.type, True, parameter.writable)
    assert entry["protocols"] == BOTH
    read, *changes = entry["mapping"]
    assert (read["rpc"], read["type"]) == ("get", "ubus")
    assert read["ubus"] == {"object": UBUS_OBJECT, "method": "state", "args": {}, "key": parameter.key}
    assert [change["ubus"]["method"] for change in changes] == (
        ["switch"] if parameter.name == ENABLE else []
    )
