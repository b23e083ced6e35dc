"""Print what the store's roles may do on what, as docs/rights.md has it; `--document` writes that page.

The rights of AWS's own services (Lambda's on network interfaces, ECS's on images, everybody's on the key) are not among
them: docs/security.md has those.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from infra.package.build import ROOT
from infra.permissions import FUNCTIONS, LISTENER, Part, Permission

DOCUMENT = ROOT / "docs/rights.md"
_PARTS = {
    Part.INDEX: "the index table",
    Part.LOG: "the log table",
    Part.FILES: "the files bucket",
    Part.FILES_OBJECTS: "objects in the files bucket",
    Part.INBOX: "the inbox bucket",
    Part.INBOX_OBJECTS: "objects in the inbox bucket",
    Part.INBOX_QUEUE: "the queue of the inbox",
    Part.JOBS_QUEUE: "the queue of jobs",
    Part.NETWORK_QUEUE: "the queue of DICOM and peers",
    Part.USERS: "the secret of the users",
}
_HEAD = """# What the roles may do

Made by `python -m infra.commands.rights --document` from `infra/permissions.py`; a test keeps it up to date. Each
function and the listener have a role of their own, with these rights and no others on the store. What the roles need
besides is on the page of [security](security.md#roles).
"""


def document() -> str:
    """The page."""
    return "\n".join([_HEAD, *_lines()]) + "\n"


def _lines() -> Iterator[str]:
    for number, (role, permissions) in enumerate({**FUNCTIONS, "listener": LISTENER}.items()):
        if number:
            yield ""
        yield from (f"## {role}", "", "| on | may |", "|---|---|")
        for part, name in _PARTS.items():
            actions = _actions(permissions, part)
            if actions:
                yield f"| {name} | {', '.join(f'`{action}`' for action in actions)} |"


def _actions(permissions: Sequence[Permission], part: Part) -> list[str]:
    return sorted({action for one in permissions if part in one.parts for action in one.actions})


def main() -> int:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.rights", description=__doc__)
    parser.add_argument("--document", action="store_true", help="write docs/rights.md")
    if parser.parse_args().document:
        DOCUMENT.write_text(document())
    else:
        sys.stdout.write(document())
    return 0


if __name__ == "__main__":
    sys.exit(main())
