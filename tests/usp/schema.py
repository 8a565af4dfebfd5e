"""`python -m tests.usp.schema FOLDER`: whether the data model is valid by the schema of the Broadband Forum.

FOLDER has cwmp-datamodel-1-14.xsd and cwmp-datamodel-report-1-0.xsd; they are not in this repository. It
needs the package xmlschema. A run without an error also shows that the schema refuses a mistake.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.usp.documents import datamodel_xml
from tests.usp.scripted import VENDOR

MISTAKES = (('access="readWrite"', 'access="write"'), ("<boolean/>", "<bool/>"))


def main(folder: Path) -> int:
    import xmlschema  # type: ignore[import-not-found, unused-ignore]

    report = "urn:broadband-forum-org:cwmp:datamodel-report-1-0"
    locations = {report: str(folder / "cwmp-datamodel-report-1-0.xsd")}
    schema = xmlschema.XMLSchema11(
        str(folder / "cwmp-datamodel-1-14.xsd"), locations=locations, defuse="never"
    )
    text = datamodel_xml(VENDOR)
    errors = [str(error.reason) for error in schema.iter_errors(text)]
    for right, wrong in MISTAKES:
        if right not in text or schema.is_valid(text.replace(right, wrong)):
            errors.append(f"the schema accepts {wrong}")
    print("\n".join(errors) or "valid")
    return 1 if errors else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
