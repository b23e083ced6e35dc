"""What the answers to the examples have to be like. A text that is not empty says what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Known = Mapping[str, str]
"""The variables of the examples, and what they are now."""

Check = Callable[[bytes, Known], str]


def _starts(signature: bytes, offset: int = 0) -> Check:
    def check(body: bytes, _known: Known) -> str:
        return "" if body[offset:].startswith(signature) else f"does not begin as {signature!r}"

    return check


def _json(kind: type, *keys: str) -> Check:
    """JSON: an object with these members, or a list of such objects that is not empty."""

    def check(body: bytes, _known: Known) -> str:
        try:
            value = json.loads(body)
        except ValueError:
            return "is no JSON"
        if not isinstance(value, kind):
            return f"is no {kind.__name__}"
        entries: list[Any] = value if isinstance(value, list) else [value]
        missing = [key for entry in entries for key in keys if key not in entry]
        return f"lacks {missing[0]}" if missing else ("" if entries else "is empty")

    return check


def _has_study(body: bytes, known: Known) -> str:
    wrong = _json(list, "ID", "Type", "MainDicomTags")(body, known)
    if wrong:
        return wrong
    found: list[dict[str, Any]] = json.loads(body)
    return "" if known["STUDY"] in {study["ID"] for study in found} else "lacks the study"


def _is_empty(body: bytes, _known: Known) -> str:
    return "" if body in (b"", b"{}") else "is not empty"


def _is_text(body: bytes, _known: Known) -> str:
    return "" if body.strip() and not body.lstrip().startswith(b"{") else "is no text"


def _names_patient(body: bytes, _known: Known) -> str:
    return "" if b"SMITH" in body else "lacks the patient"


_CHECKS: dict[str, Check] = {
    r"^storescu ": lambda _body, _known: "",
    r"^findscu ": _names_patient,
    r"/instances --data-binary": _json(dict, "ID", "ParentPatient", "ParentStudy", "ParentSeries", "Status"),
    r"/patients\?expand$": _json(list, "ID", "Type", "MainDicomTags", "Studies"),
    r"/changes$": _json(dict, "Changes", "Done", "Last"),
    r"/tags$": _json(dict, "0010,0010", "0008,0018"),
    r"/simplified-tags$": _json(dict, "PatientName", "SOPInstanceUID"),
    r"/content/": _is_text,
    r"/preview > ": _starts(b"\x89PNG"),
    r"/file(\?\S+)? > ": _starts(b"DICM", 128),
    r"-X DELETE \S+/instances/": _json(dict, "RemainingAncestor"),
    r"/tools/find ": _has_study,
    r"-X PUT \S+/(labels|modalities)/": _is_empty,
    r"/archive > ": _starts(b"PK"),
    r"/modify ": _json(dict, "ID", "PatientID", "Path", "Type"),
    r"/echo ": _is_empty,
    r"/modalities/\w+/store ": _json(dict, "Description", "InstancesCount"),
    r"/modalities/\w+/query ": _json(dict, "ID", "Path"),
    r"/answers\?": _json(list, "PatientID"),
    r"/retrieve ": _json(dict, "Description", "Query"),
}
"""By what the example has in its line; the first that fits."""


def check_of(line: str) -> Check | None:
    """What the answer to an example is held to; none if nobody has said."""
    return next((check for pattern, check in _CHECKS.items() if re.search(pattern, line)), None)
