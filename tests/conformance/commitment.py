"""Storage commitment: requests that cannot be, and transactions that are not there."""

from __future__ import annotations

from typing import Any

from tests.conformance.difference import Difference
from tests.conformance.hospital import PARENTS, fill
from tests.conformance.session import Session

TITLE = "Storage commitment"
OPTIONS: dict[str, object] = {"DicomModalities": {"dead": ["DEAD", "127.0.0.1", 1]}}


def requests(session: Session) -> None:
    """Every form of body, to a modality that is away."""
    stored = fill(session)[0]
    resources = [stored[key] for key in PARENTS]
    path = "/modalities/dead/storage-commitment"
    bodies: list[Any] = [
        "", [], resources[-1], resources, {},
        {"Resources": []}, {"Resources": resources}, {"Resources": resources[0]}, {"Resources": [1]},
        {"Resources": ["nope"]}, {"Resources": ["-".join(["00000000"] * 5)]},
        {"DicomInstances": []}, {"DicomInstances": "x"}, {"DicomInstances": ["1.2"]}, {"DicomInstances": [1]},
        {"DicomInstances": [{"SOPClassUID": "1.2"}]}, {"DicomInstances": [{"SOPClassUID": 1, "SOPInstanceUID": "1"}]},
        {"DicomInstances": [["1.2"]]}, {"DicomInstances": [["1.2", "3.4", "5.6"]]}, {"DicomInstances": [["1.2", 3]]},
        {"DicomInstances": [["1.2", "3.4"], {"SOPClassUID": "1.2", "SOPInstanceUID": "3.4"}]},
        {"Resources": resources, "Timeout": "x"}, {"Resources": resources, "Timeout": 1},
    ]  # fmt: skip
    for body in bodies:
        session.post(path, body)
    session.post("/modalities/nobody/storage-commitment", {"Resources": resources})
    session.get(
        path, "/storage-commitment/nope", "/storage-commitment/2.25.1", "/storage-commitment/nope/remove"
    )
    session.post("/storage-commitment/2.25.1/remove", "")


SCENARIOS = {"requests": (requests, OPTIONS)}

DIFFERENCES: list[Difference] = []
