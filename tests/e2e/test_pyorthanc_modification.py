"""pyorthanc's calls that modify."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pyorthanc import Instance, Orthanc, Patient, Series, Study
from pyorthanc.jobs import State

from tests.e2e.conftest import stored
from tests.e2e.levels import PARENTS, Resource

LEVELS = ("patients", "studies", "series")
OBJECTS: dict[str, Any] = {"patients": Patient, "studies": Study, "series": Series}
RENAME = {"Replace": {"PatientName": "NEW"}}


def names(client: Orthanc) -> set[str]:
    """The patients' names in all files."""
    files = [client.get_instances_id_file(one) for one in client.get_instances()]
    return {str(dcmread(io.BytesIO(file)).PatientName) for file in files}  # type: ignore[arg-type]


@pytest.mark.parametrize("level", LEVELS)
def test_calls(pyorthanc: Orthanc, ct: Path, level: str) -> None:
    resource = Resource.of(pyorthanc, level, stored(pyorthanc, ct))
    made = resource.call("post", "modify", {**RENAME, "KeepSource": False})
    assert made["ParentResources"] == [resource.identifier]
    assert names(pyorthanc) == {"NEW"}


def test_an_instance(pyorthanc: Orthanc, ct: Path) -> None:
    instance = stored(pyorthanc, ct)["ID"]
    for file in (
        pyorthanc.post_instances_id_modify(instance, RENAME),
        Instance(instance, pyorthanc).modify(replace={"PatientName": "NEW"}),
    ):
        dataset = dcmread(io.BytesIO(file))  # type: ignore[arg-type]
        assert (str(dataset.PatientName), dataset.SOPInstanceUID != dcmread(ct).SOPInstanceUID) == (
            "NEW",
            True,
        )
    assert pyorthanc.get_instances() == [instance]


@pytest.mark.parametrize("level", LEVELS)
def test_objects(pyorthanc: Orthanc, ct: Path, level: str) -> None:
    identifier = stored(pyorthanc, ct)[PARENTS[level]]
    made = OBJECTS[level](identifier, pyorthanc).modify(replace={"PatientID": "A"}, force=True)
    assert made.id_ != identifier
    assert made.get_main_information()["ModifiedFrom"] == identifier
    new = {"PatientID": "B", "PatientName": "NEW"}
    job = OBJECTS[level](identifier, pyorthanc).modify_as_job(replace=new, force=True, keep_source=False)
    job.wait_until_completion(time_interval=0.1)
    assert (job.state, job.type) == (State.success, "ResourceModification")
    assert names(pyorthanc) == {"CompressedSamples^CT1", "NEW"}
