"""Write docs/conformance.md: ``python -m tests.conformance.table``.

It counts the recorded requests by route and group of files, and which of them differ by the table of differences.
The tests hold that table to be exactly what is found, so that nothing need be run for this.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tests.conformance.corpus import corpus, group_of
from tests.conformance.difference import Difference, Kind
from tests.conformance.exchanges import Exchange, load
from tests.conformance.hospital import LEVELS
from tests.conformance.nacre import scenario_names
from tests.conformance.topics import DIFFERENCES, SCENARIOS, TOPICS, differences_in

DOCUMENT = Path(__file__).parents[2] / "docs" / "conformance.md"

Cell = Counter[str]
"""How many requests there are, and how many of them differ by which mark."""

INTRODUCTION = """\
# Conformance with Orthanc

Made by `python -m tests.conformance.table`; a test keeps it up to date.

Every route is asked of Orthanc 1.12.7 and of Nacre, with {files} files and {scenarios} scenarios about a store as a
whole: {requests} requests. Orthanc's answers are recorded in `tests/conformance/recordings` (made by
`python -m tests.conformance.record`, which takes the path of an Orthanc; `xz -dc` shows one). The tests compare them
with Nacre's field by field: status, the headers that matter, each field of the JSON with its type, null or not, the
bytes of files and of elements, the pixels of previews. Only times, UUIDs and the port are compared by their form
alone.

The files are all that pydicom ships (DICOM or not) and made ones, for what those lack; each is uploaded to an empty
store. A number is the count of requests that are answered the same; *n differ* and numbers stand for those that are
not, and the list below says why. **Not yet** marks what is still to come; [coverage](coverage.md) lists the calls
without a route.
"""


def document() -> str:
    """The document's text."""
    exchanges = [(name, exchange) for name in scenario_names() for exchange in load(name)]
    about_files = [(name, exchange) for name, exchange in exchanges if name in corpus()]
    files = _table(about_files, group_of, list(dict.fromkeys(map(group_of, corpus()))))
    counts = {"files": len(corpus()), "scenarios": len(SCENARIOS), "requests": len(exchanges)}
    return "\n".join(
        [
            INTRODUCTION.format(**counts),
            "## Files\n",
            "Of each level's routes `{level}` stands for patients, studies, series and instances.\n",
            *files,
            *(line for topic in TOPICS for line in _about(topic, exchanges)),
            "\n## Differences\n",
            *_reasons(exchanges),
            "",
        ]
    )


def _about(topic: str, exchanges: Iterable[tuple[str, Exchange]]) -> Iterator[str]:
    """The section of a topic."""
    prefix = f"{topic}/"
    mine = [(name.removeprefix(prefix), exchange) for name, exchange in exchanges if name.startswith(prefix)]
    yield f"\n## {TOPICS[topic].TITLE}\n"
    yield from _table(mine, str, list(TOPICS[topic].SCENARIOS))


def _reasons(exchanges: Iterable[tuple[str, Exchange]]) -> list[str]:
    found: dict[str, set[str]] = defaultdict(set)
    numbers: Counter[str] = Counter()
    for name, exchange in exchanges:
        for mark in {_mark(difference) for difference in differences_in(name, exchange)}:
            found[mark].add(_route(exchange))
            numbers[mark] += 1
    lines = ["| | what | kind | requests | routes |", "|---|---|---|---|---|"]
    for mark, (kind, reason) in _marks().items():
        routes = ", ".join(f"`{route}`" for route in sorted(found[mark]))
        lines.append(f"| {mark} | {reason} | {kind} | {numbers[mark]} | {routes} |")
    return lines


def _table(
    exchanges: Iterable[tuple[str, Exchange]], column_of: Callable[[str], str], columns: list[str]
) -> list[str]:
    cells: dict[str, dict[str, Cell]] = defaultdict(lambda: defaultdict(Counter))
    for name, exchange in exchanges:
        cell = cells[_route(exchange)][column_of(name)]
        cell["all"] += 1
        marks = {_mark(difference) for difference in differences_in(name, exchange)}
        cell["differ"] += bool(marks)
        for mark in marks:
            cell[mark] += 1
    lines = [f"| route | {' | '.join(columns)} |", f"|---{'|---' * len(columns)}|"]
    for route in sorted(cells, key=lambda route: (route.split(" ")[1], route)):
        shown = (_show(cells[route].get(column, Counter())) for column in columns)
        lines.append(f"| `{route}` | {' | '.join(shown)} |")
    return lines


def _show(cell: Mapping[str, int]) -> str:
    if not cell:
        return ""
    same, differ = cell["all"] - cell["differ"], cell["differ"]
    marks = " ".join(sorted((mark for mark in cell if mark.isdigit() and cell[mark]), key=int))
    not_yet = all(_marks()[mark][0] is Kind.NOT_YET for mark in marks.split())
    parts = [str(same)] if same else []
    if differ:
        parts.append(f"{differ} **not yet** ({marks})" if not_yet else f"{differ} differ ({marks})")
    return ", ".join(parts)


def _route(exchange: Exchange) -> str:
    """The route, with one name for the levels, and one for all that Orthanc has no such path or method of."""
    if exchange.status == 405:
        return "any /(method that the path does not have)"
    if "nonsense" in exchange.route or "//" in exchange.route:
        return f"{exchange.route.split(' ')[0]} /(no such path)"
    method, path = exchange.route.split(" ")
    first, *rest = path.strip("/").split("/")
    return f"{method} /{'/'.join(['{level}' if first in LEVELS else first, *rest])}"


def _marks() -> dict[str, tuple[Kind, str]]:
    """A number for each reason."""
    reasons = list(dict.fromkeys((difference.kind, difference.reason) for difference in DIFFERENCES))
    return {str(number): reason for number, reason in enumerate(reasons, start=1)}


def _mark(difference: Difference) -> str:
    wanted = (difference.kind, difference.reason)
    return next(mark for mark, reason in _marks().items() if reason == wanted)


if __name__ == "__main__":
    DOCUMENT.write_text(document())
