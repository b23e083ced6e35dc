"""``python -m tests.conformance.coverage OPENAPI.json``: which of the calls of an Orthanc's description are served.

Writes docs/coverage.md. The description is Orthanc's own (it publishes one for each version); it is no part of this
project, so this is run by hand, when routes have been added.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.application import make_app
from tests.support.local_world import local_world
from tests.support.routes import RouteFinder

DOCUMENT = Path("docs/coverage.md")
METHODS = ("get", "post", "put", "delete")

REASONS = (
    ("anonymize", "Anonymization is still to come."),
    ("/modify", "Modification is still to come."),
    ("bulk-modify", "Modification is still to come."),
    ("/merge", "Modification is still to come."),
    ("/split", "Modification is still to come."),
    ("create-dicom", "Making files is still to come."),
    ("find-worklist", "Worklists are still to come."),
    ("/modalities", "Old calls, which `/modalities/{id}/query` replaces."),
    ("ordered-slices", "Slices in their order are still to come."),
    ("/app", "There is no Orthanc Explorer here."),
    ("dicom-conformance", "docs/conformance.md is the statement here."),
    ("reset", "There is no process to restart: functions come and go by themselves."),
    ("shutdown", "There is no process to stop: functions come and go by themselves."),
    ("invalidate-tags", "Nothing is kept in memory that would have to be forgotten."),
)
"""Why a path that has one of these is not served."""


def coverage(description: Mapping[str, Any], served: RouteFinder) -> str:
    """The page: calls that are served, and those that are not, with the reason."""
    calls = [
        (path, method.upper())
        for path, methods in sorted(description["paths"].items())
        for method in METHODS
        if method in methods
    ]
    missing = [(path, method) for path, method in calls if not served(path, method)]
    by_reason: dict[str, list[str]] = {}
    for path, method in missing:
        by_reason.setdefault(_reason(path), []).append(f"`{method} {path}`")
    version = description["info"]["version"]
    lines = [
        "# Coverage of Orthanc's calls",
        "",
        "Made by `python -m tests.conformance.coverage OPENAPI.json`, with the description that Orthanc publishes.",
        "",
        f"Of the {len(calls)} calls of Orthanc {version}, {len(calls) - len(missing)} have a route;",
        "[conformance](conformance.md) tells how they answer. These have none:",
        "",
    ]
    for reason in sorted(by_reason):
        lines += [f"## {reason}", "", *(f"- {call}" for call in by_reason[reason]), ""]
    return "\n".join(lines)


def _reason(path: str) -> str:
    return next((reason for part, reason in REASONS if part in path), "Not looked at yet.")


def main() -> int:
    """Write the page."""
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    description = json.loads(Path(sys.argv[1]).read_text())
    with local_world() as world:
        app = make_app(world.services, telemetry=None)  # type: ignore[arg-type]  # nothing is asked of it
        DOCUMENT.write_text(coverage(description, RouteFinder(app.routes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
