"""What is asked of reconstruction.

Not to reconstruct files: Orthanc 1.12.7 never answers that here, nor anything after it.
"""

from __future__ import annotations

from tests.conformance.difference import Difference
from tests.conformance.exchanges import Body
from tests.conformance.hospital import LEVELS, PARENTS, fill
from tests.conformance.session import Session

BODIES = (
    "", "{}", "nonsense", '{"Foo":1}', '{"LimitToThisLevelMainDicomTags":true}', '{"ReconstructFiles":1}',
    '{"LimitToThisLevelMainDicomTags":"x"}', '{"ReconstructFiles":false}', '{"Asynchronous":true}',
)  # fmt: skip


def reconstruct(session: Session) -> None:
    """Resources of each level, and everything."""
    stored = fill(session)[0]
    known = [f"/{level}/{stored[key]}" for level, key in zip(LEVELS, PARENTS, strict=True)]
    for path in [*known, *(f"/{level}/unknown" for level in LEVELS), "/nonsense/unknown", "/tools"]:
        for body in BODIES:
            session.ask("POST", f"{path}/reconstruct", Body(body, body.encode()))
    session.get(*(f"{path}/reconstruct" for path in [*known, "/tools"]))
    session.get(*known, *(f"{path}/metadata?expand" for path in known), "/changes?limit=3", "/statistics")


TITLE = "Reconstruction"
SCENARIOS = {"reconstruct": (reconstruct, {})}
DIFFERENCES: list[Difference] = []
