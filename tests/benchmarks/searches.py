"""The searches that are measured: studies, by every way of matching, a page of ten at most.

The first three are about patients 10 to 19 and the first days, and find the same in a store of any size from 1,000
instances on; the last match more the larger the store is.
"""

from __future__ import annotations

import json

from tests.benchmarks.images import patient_id, study_date

PAGE = 10
_QUERIES = {
    "find, PatientID": {"PatientID": patient_id(11)},
    "find, PatientName with *": {"PatientName": "Sample001*"},
    "find, range of StudyDate": {"StudyDate": f"{study_date(5)}-{study_date(5 + PAGE - 1)}"},
    "find, PatientName that all have": {"PatientName": "Sample*"},
    "find, range that all lie in": {"StudyDate": f"{study_date(0)}-"},
}


def searches() -> dict[str, bytes]:
    """The bodies of the searches for `/tools/find`, by name."""
    return {
        name: json.dumps({"Level": "Study", "Query": query, "Expand": True, "Limit": PAGE}).encode()
        for name, query in _QUERIES.items()
    }
