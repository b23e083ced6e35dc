"""One running stack for all, started as a user starts it, and what is stored in it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from orthanc_api_client import OrthancApiClient
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import EncapsulatedPDFStorage
from pyorthanc import Orthanc

from tests.support.stack import RunningStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(
        tmp_path_factory.mktemp("e2e"), NACRE_STABLE_AGE="2", NACRE_LOG_EXPORTED_RESOURCES="true"
    ) as running:
        yield running


@pytest.fixture
def pyorthanc(stack: RunningStack) -> Iterator[Orthanc]:
    """pyorthanc's client over an empty store."""
    with Orthanc(stack.url) as client:
        for patient in client.get_patients():
            client.delete_patients_id(patient)
        yield client


@pytest.fixture
def api_client(stack: RunningStack) -> Iterator[OrthancApiClient]:
    """orthanc-api-client's client over an empty store."""
    client = OrthancApiClient(stack.url)
    client.delete_all_content()
    yield client
    client.close()


def stored(client: Orthanc, file: Path) -> dict[str, str]:
    """Store a file; the answer."""
    return stored_bytes(client, file.read_bytes())


def stored_bytes(client: Orthanc, data: bytes) -> dict[str, str]:
    """Store a file's bytes; the answer."""
    answer = client.post_instances(data)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="session")
def ct() -> Path:
    return _test_file("CT_small.dcm")


@pytest.fixture(scope="session")
def mr() -> Path:
    return _test_file("MR_small.dcm")


@pytest.fixture(scope="session")
def multiframe() -> Path:
    """A dose of fifteen frames."""
    return _test_file("rtdose.dcm")


PDF = b"%PDF-1.4\nnothing to see\n%%EOF\n"


@pytest.fixture(scope="session")
def document(ct: Path) -> bytes:
    """A DICOM file that encapsulates `PDF`."""
    dataset = dcmread(ct)
    del dataset.PixelData
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{dataset.SOPInstanceUID}.1"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = PDF
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def _test_file(name: str) -> Path:
    return Path(str(get_testdata_file(name)))
