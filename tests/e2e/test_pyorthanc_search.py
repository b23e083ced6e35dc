"""pyorthanc's calls for searching: by DICOM tags, by labels, by what is to be looked up."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from pyorthanc import (
    AsyncOrthanc,
    Instance,
    Orthanc,
    Patient,
    Series,
    Study,
    find,
    find_instances,
    find_patients,
    find_series,
    find_studies,
    query_orthanc,
)

from tests.e2e.conftest import stored

CT_UID = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"


@pytest.fixture
def both(pyorthanc: Orthanc, ct: Path, mr: Path) -> dict[str, str]:
    """A CT and an MR are stored; the answer to the CT."""
    stored(pyorthanc, mr)
    return stored(pyorthanc, ct)


def test_finders_of_every_level(pyorthanc: Orthanc, both: dict[str, str]) -> None:
    assert find_patients(pyorthanc, {"PatientID": "1CT1"}) == [Patient(both["ParentPatient"], pyorthanc)]
    assert find_studies(pyorthanc, {"StudyDate": "20040101-20040131"}) == [
        Study(both["ParentStudy"], pyorthanc)
    ]
    assert find_series(pyorthanc, {"Modality": "CT"}) == [Series(both["ParentSeries"], pyorthanc)]
    assert find_instances(pyorthanc, {"SOPInstanceUID": CT_UID}) == [Instance(both["ID"], pyorthanc)]
    assert len(find_patients(pyorthanc, {"PatientName": "compressedsamples*"})) == 2
    assert find_patients(pyorthanc, {"PatientID": "nobody"}) == []


def test_pages_and_labels(pyorthanc: Orthanc, both: dict[str, str]) -> None:
    Study(both["ParentStudy"], pyorthanc).add_label("urgent")
    labelled = query_orthanc(pyorthanc, "Study", labels="urgent")
    assert [study.identifier for study in labelled] == [both["ParentStudy"]]
    others = query_orthanc(pyorthanc, "Study", labels=["urgent"], labels_constraint="None")
    assert len(others) == 1
    assert others != labelled
    assert len(query_orthanc(pyorthanc, "Study", limit=1)) == 2
    assert len(query_orthanc(pyorthanc, "Study", limit=1, retrieve_all_resources=False)) == 1


@pytest.mark.parametrize("kind", [Orthanc, AsyncOrthanc])
def test_filters(pyorthanc: Orthanc, both: dict[str, str], kind: type[Orthanc] | type[AsyncOrthanc]) -> None:
    (patient,) = find(
        kind(pyorthanc.url),
        patient_filter=lambda patient: patient.patient_id == "1CT1",
        study_filter=lambda study: study.date.year == 2004,
        series_filter=lambda series: series.modality == "CT",
        instance_filter=lambda instance: instance.file_size > 0,
    )
    assert patient.identifier == both["ParentPatient"]
    assert find(kind(pyorthanc.url), series_filter=lambda series: series.modality == "US") == []


def test_tools(pyorthanc: Orthanc, both: dict[str, str]) -> None:
    query = {"Level": "Study", "Query": {"StudyDate": "20040119"}}
    assert both["ParentStudy"] in pyorthanc.post_tools_find(query)
    assert pyorthanc.post_tools_count_resources(query) == {"Count": len(pyorthanc.post_tools_find(query))}
    found = pyorthanc.post_tools_lookup(b"1CT1")
    assert [one["ID"] for one in found] == [both["ParentPatient"]]
    resources = {"Resources": [both["ID"]], "Metadata": True}
    (content,) = pyorthanc.post_tools_bulk_content(resources)
    assert content["Metadata"]["TransferSyntax"] == "1.2.840.10008.1.2.1"
    assert (
        abs(time.mktime(time.strptime(pyorthanc.get_tools_now_local(), "%Y%m%dT%H%M%S")) - time.time()) < 60
    )


def test_a_bulk_delete(pyorthanc: Orthanc, both: dict[str, str]) -> None:
    pyorthanc.post_tools_bulk_delete({"Resources": [both["ParentStudy"]]})
    assert len(pyorthanc.get_studies()) == 1
    with pytest.raises(httpx.HTTPError, match="404"):
        pyorthanc.get_studies_id(both["ParentStudy"])
