"""`make lint`: no import cycles in gateway and webui, imports under TYPE_CHECKING included."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import grimp

PACKAGES = ("gateway", "webui")


def components(graph: grimp.ImportGraph) -> Iterator[set[str]]:
    """Yield each set of modules that all import each other, directly or through others."""
    left = set(graph.modules)
    while left:
        module = left.pop()
        component = graph.find_upstream_modules(module) & graph.find_downstream_modules(module)
        if component:
            component |= {module}
            yield component
            left -= component


def shortest_cycle(graph: grimp.ImportGraph, component: set[str]) -> tuple[str, ...]:
    """Return the modules of the shortest cycle in ``component``; the last imports the first."""
    chains = (
        graph.find_shortest_chain(importer=imported, imported=module)
        for module in sorted(component)
        for imported in sorted(graph.find_modules_directly_imported_by(module) & component)
    )
    return min(filter(None, chains), key=len)


def report(graph: grimp.ImportGraph) -> Iterator[str]:
    """Yield the lines to print: for each component its size and its shortest cycle."""
    for component in sorted(components(graph), key=len, reverse=True):
        yield f"import cycle of {len(component)} modules; its shortest:"
        cycle = shortest_cycle(graph, component)
        for importer, imported in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            line = graph.get_import_details(importer=importer, imported=imported)[0]["line_number"]
            yield f"  {importer}:{line} imports {imported}"


def main() -> int:
    lines = list(report(grimp.build_graph(*PACKAGES, cache_dir=None)))
    print("\n".join(lines) or "no import cycles")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
