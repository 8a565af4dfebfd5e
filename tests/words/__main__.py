"""Take the words of the code into the catalogues, compile them, and say what waits to be translated."""

from __future__ import annotations

import sys

from tests.words.catalogues import LANGUAGES, ROOT, TEMPLATE, faults, po, template, update


def main() -> int:
    TEMPLATE.parent.mkdir(exist_ok=True)
    TEMPLATE.write_bytes(template())
    waiting = 0
    for language in LANGUAGES:
        update(language)
        found = faults(language)
        waiting += len(found)
        print(f"{po(language).relative_to(ROOT)}: {len(found) or 'nothing'} to correct")
        for fault in found:
            print(f"  {fault}")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
