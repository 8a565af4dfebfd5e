"""Documents of the data model for providers: XML of the Broadband Forum's schema, and a plug-in for bbfdm.

Both are made from `gateway.usp.model`. `qalqan usp --document` prints them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.policy.config.usp import vendor_prefix
from gateway.usp.model import ENABLE, MODEL, OBJECT, ModelCommand, ModelParameter, ValueType

SCHEMA = "urn:broadband-forum-org:cwmp:datamodel-1-14"
SCHEMA_ADDRESS = "https://www.broadband-forum.org/cwmp/cwmp-datamodel-1-14.xsd"
BASE, BASE_FILE = "Device:2.19", "tr-181-2-19-1-usp.xml"  # the root data model that the object extends
MODEL_VERSION = "1.0"

PLUGIN_VERSION = 2  # of bbfdm's JSON plug-ins
PLUGIN_PREFIX = "{BBF_VENDOR_PREFIX}"  # bbfdm replaces it by the prefix of the firmware's vendor
UBUS_OBJECT = "qalqan.provider"
BOTH, USP_ONLY = ["cwmp", "usp"], ["usp"]


def datamodel_xml(vendor: str) -> str:
    """Return the USP data model as XML in the Broadband Forum's schema (cwmp-datamodel), for providers.

    ``vendor``: the provider's domain or OUI, already validated.
    """
    prefix = vendor_prefix(vendor) or ""
    name = f"{prefix.lower().replace('_', '-')}family-filter-1-0"
    return "\n".join((*_xml(prefix, name), ""))


def _xml(prefix: str, name: str) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<dm:document xmlns:dm="{SCHEMA}"'
    yield '    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    yield f'    xsi:schemaLocation="{SCHEMA} {SCHEMA_ADDRESS}"'
    yield f'    spec="urn:{name}" file="{name}.xml">'
    yield "  <description>The family filter Qalqan, as a part of the data model of a router.</description>"
    yield f'  <import file="{BASE_FILE}" spec="urn:broadband-forum-org:{BASE_FILE.removesuffix(".xml")}">'
    yield f'    <model name="{BASE}"/>'
    yield "  </import>"
    yield f'  <model name="{prefix}Device:{MODEL_VERSION}" base="{BASE}">'
    for part in MODEL:
        path = f"Device.{prefix}{OBJECT}.{part.name}"
        yield f'    <object name="{path}" access="readOnly" minEntries="1" maxEntries="1"'
        yield f'        version="{MODEL_VERSION}">'
        yield f"      <description>{_escaped(part.about)}</description>"
        for parameter in part.parameters:
            yield from _parameter_xml(parameter, "      ")
        for command in part.commands:
            yield from _command_xml(command)
        yield "    </object>"
    yield "  </model>"
    yield "</dm:document>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _parameter_xml(parameter: ModelParameter, indent: str) -> Iterator[str]:
    access = "readWrite" if parameter.writable else "readOnly"
    # A counter changes so often that its changes are not notified.
    notified = "" if parameter.notified else ' activeNotify="canDeny"'
    yield f'{indent}<parameter name="{parameter.name}" access="{access}"{notified} version="{MODEL_VERSION}">'
    yield from _inner_xml(parameter, indent)
    yield f"{indent}</parameter>"


def _inner_xml(parameter: ModelParameter, indent: str) -> Iterator[str]:
    yield f"{indent}  <description>{_escaped(parameter.about)}</description>"
    if parameter.choices:
        values = "".join(f'<enumeration value="{_escaped(choice)}"/>' for choice in parameter.choices)
        yield f"{indent}  <syntax><string>{values}</string></syntax>"
    elif parameter.most:
        size = f'<size maxLength="{parameter.most}"/>'
        yield f"{indent}  <syntax><string>{size}</string></syntax>"
    else:
        yield f"{indent}  <syntax><{parameter.type}/></syntax>"


def _command_xml(command: ModelCommand) -> Iterator[str]:
    yield f'      <command name="{command.name}" async="false" version="{MODEL_VERSION}">'
    yield f"        <description>{_escaped(command.about)}</description>"
    yield "        <output>"
    for output in command.outputs:
        yield f'          <parameter name="{output.name}" version="{MODEL_VERSION}">'
        yield from _inner_xml(output, "          ")
        yield "          </parameter>"
    yield "        </output>"
    yield "      </command>"


def bbfdm_plugin() -> str:
    """Return the JSON plug-in for bbfdm (OpenWrt), which serves the data model over TR-069 and USP."""
    path = f"Device.{PLUGIN_PREFIX}{OBJECT}."
    plugin: dict[str, Any] = {"json_plugin_version": PLUGIN_VERSION}
    root: dict[str, Any] = {}
    for part in MODEL:
        entry: dict[str, Any] = {"type": "object", "protocols": BOTH, "access": False, "array": False}
        entry |= {parameter.name: _plugin_parameter(parameter) for parameter in part.parameters}
        entry |= {command.name: _plugin_command(command) for command in part.commands}
        if part.name:
            root[f"{path}{part.name}"] = entry
        else:
            root = plugin[path] = {**entry, "dependency": f"ubus:{UBUS_OBJECT}"}
    return json.dumps(plugin, indent="\t") + "\n"


def _plugin_parameter(parameter: ModelParameter) -> Mapping[str, Any]:
    read = {"rpc": "get", **_ubus("state", key=parameter.key)}
    mapping = [read]
    if parameter.name == ENABLE:
        mapping.append({"rpc": "set", **_ubus("switch", args={"on": "@Value"})})
    limits: dict[str, Any] = {"enumerations": list(parameter.choices)} if parameter.choices else {}
    if parameter.most:
        limits = {"range": [{"max": parameter.most}]}
    return {
        "type": str(parameter.type),
        "read": True,
        "write": parameter.writable,
        "protocols": BOTH,
        **limits,
        "mapping": mapping,
    }


def _plugin_command(command: ModelCommand) -> Mapping[str, Any]:
    outputs = {
        output.name: {"type": str(ValueType.TEXT), "read": True, "write": False, "protocols": USP_ONLY}
        for output in command.outputs
    }
    return {
        "type": "command",
        "async": False,
        "protocols": USP_ONLY,
        "output": outputs,
        "mapping": [_ubus("support_file")],
    }


def _ubus(method: str, *, key: str = "", args: Mapping[str, str] | None = None) -> dict[str, Any]:
    call: dict[str, Any] = {"object": UBUS_OBJECT, "method": method, "args": dict(args or {})}
    return {"type": "ubus", "ubus": {**call, "key": key} if key else call}
