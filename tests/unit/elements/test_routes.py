"""The routes of tags, elements and pictures: their answers, statuses and AWS calls."""

import io
from pathlib import Path
from types import SimpleNamespace

import pydicom
import pytest
from PIL import Image

from chalicelib.application import make_app
from chalicelib.services import images
from tests.conformance.raw import Element, dicom, text
from tests.support.client import Client
from tests.support.moto_world import moto_world

CT = (Path(pydicom.__file__).parent / "data/test_files/CT_small.dcm").read_bytes()
NOBODY = "-".join(["00000000"] * 5)
LONG = text(0x00104000, "LT", "x" * 300)
GET = ["GetItem", "GetObject"]


class Store:
    """A store with a client, two instances of a series, and a CT."""

    def __init__(self, world):
        telemetry = SimpleNamespace(request=lambda *_args, **_fields: None, set_level=lambda _level: None)
        self.calls = world.calls
        self.client = Client(make_app(world.services, telemetry))
        self.ct = self._store(CT)["ID"]
        first = self._store(dicom([LONG, text(0x00200013, "IS", "1")]))
        self.no_image = self._store(
            dicom([LONG, text(0x00200013, "IS", "2"), text(0x00080018, "UI", "1.9")])
        )["ID"]
        self.first, self.series = first["ID"], first["ParentSeries"]
        self.study, self.patient = first["ParentStudy"], first["ParentPatient"]

    def _store(self, data):
        return self.client.post("/instances", data).json()

    def get(self, url, accept=None):
        self.calls.reset()
        return self.client.request("GET", url, headers={"Accept": accept} if accept else None)


@pytest.fixture(scope="module")
def store():
    with moto_world(maximum_inline_bytes=40_000) as world:
        yield Store(world)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("", {"Name": "PatientName", "Type": "String", "Value": "CompressedSamples^CT1"}),
        ("?short", "CompressedSamples^CT1"),
        ("?short=false", "CompressedSamples^CT1"),
    ],
)
def test_tags(store, query, value):
    assert store.get(f"/instances/{store.ct}/tags{query}").json()["0010,0010"] == value
    assert store.calls.names == GET


@pytest.mark.parametrize(
    "path", ["tags?simplify", "tags?simplify=0&short", "simplified-tags", "simplified-tags?short"]
)
def test_simplified_tags(store, path):
    assert store.get(f"/instances/{store.ct}/{path}").json()["PatientName"] == "CompressedSamples^CT1"


def test_what_follows_the_pixel_data_takes_another_call(store):
    found = store.get(f"/instances/{store.ct}/tags?whole").json()
    assert found["fffc,fffc"]["Name"] == "DataSetTrailingPadding"
    assert store.calls.names == [*GET, "GetObject"]
    assert "fffc,fffc" not in store.get(f"/instances/{store.ct}/tags").json()
    assert "fffc,fffc" not in store.get(f"/instances/{store.no_image}/tags?whole").json()


@pytest.mark.parametrize(
    "path", ["tags?short&", "module-patient?short&", "module?short&", "instances-tags?short&"]
)
def test_long_values_on_demand(store, path):
    resource = {
        "tags": f"/instances/{store.first}",
        "module-patient": f"/studies/{store.study}",
        "module": f"/patients/{store.patient}",
        "instances-tags": f"/series/{store.series}",
    }[path.split("?")[0]]

    def comments(query):
        found = store.get(f"{resource}/{path}{query}").json()
        return (found.get(store.first) or found)["0010,4000"]

    assert comments("") is None
    assert comments("ignore-length=0010-4000,PatientID") == "x" * 300
    refused = store.get(f"{resource}/{path}ignore-length=PatientID,foo")
    assert (refused.status, refused.json()["OrthancError"], refused.json()["Details"]) == (
        400,
        "Unknown DICOM tag",
        "foo",
    )


def test_the_header_is_the_file_meta_information(store):
    found = store.get(f"/instances/{store.ct}/header?simplify").json()
    assert found["TransferSyntaxUID"] == "1.2.840.10008.1.2.1"
    assert store.calls.names == GET


def test_modules(store):
    assert store.get(f"/patients/{store.patient}/module?short").json().keys() == {
        "0010,0010",
        "0010,0020",
        "0010,4000",
    }
    assert store.get(f"/studies/{store.study}/module-patient?simplify").json()["PatientID"] == "made"
    assert store.get(f"/studies/{store.study}/module?simplify").json() == {"StudyInstanceUID": "1.2.3.1"}
    assert store.get(f"/instances/{store.first}/module?simplify").json()["InstanceNumber"] == "1"
    assert store.calls.names == GET


def test_what_instances_share(store):
    for resource in (f"patients/{store.patient}", f"studies/{store.study}", f"series/{store.series}"):
        shared = store.get(f"/{resource}/shared-tags?simplify&ignore-length=foo").json()
        assert shared["PatientName"] == "Made^File"
        assert not shared.keys() & {"SOPInstanceUID", "InstanceNumber", "PatientComments"}
        each = store.get(f"/{resource}/instances-tags?simplify").json()
        assert {found["InstanceNumber"] for found in each.values()} == {"1", "2"}
        assert each.keys() == {store.first, store.no_image}


def test_content(store):
    listing = store.get(f"/instances/{store.ct}/content")
    assert (listing.json()[0], listing.json()[-1]) == ("0008-0005", "fffc-fffc")
    assert listing.content_type == "application/json; charset=utf-8"
    value = store.get(f"/instances/{store.ct}/content/0010-1002/1/0010-0020")
    assert (value.body, value.content_type) == (b"1234ABCD", "application/octet-stream")
    assert store.calls.names == GET
    assert store.get(f"/instances/{store.ct}/content/0010%2C0010").body == b"CompressedSamples^CT1 "[:22]
    assert len(store.get(f"/instances/{store.ct}/content/7fe0-0010/0").body) == 32768
    assert store.calls.names == [*GET, "GetObject"]


def test_as_many_segments_as_chalice_is_told(store):
    deep = "/".join(["0010-1002/1"] * 8)
    assert store.get(f"/instances/{store.ct}/content/{deep}").status == 404
    assert store.calls.names == GET


@pytest.mark.parametrize("path", ["content/0010-4001", "content/0010-1002/7", "content/7fe0-0010/1"])
def test_an_absent_element_is_404_without_a_body(store, path):
    answer = store.get(f"/instances/{store.ct}/{path}")
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("level", ["patients", "studies", "series", "instances"])
@pytest.mark.parametrize(
    "path",
    ["tags", "simplified-tags", "header", "module", "module-patient", "shared-tags", "instances-tags", "content",
     "content/foo"],
)  # fmt: skip
def test_unknown_resources_and_wrong_levels_are_404_with_a_body(store, level, path):
    answer = store.get(f"/{level}/{NOBODY}/{path}")
    assert (answer.status, answer.json()["OrthancError"]) == (404, "Unknown resource")


@pytest.mark.parametrize(
    ("level", "path"),
    [("series", "tags"), ("studies", "content"), ("instances", "shared-tags"), ("series", "module-patient")],
)
def test_what_a_level_does_not_have(store, level, path):
    identifier = {"series": store.series, "studies": store.study, "instances": store.ct}[level]
    assert store.get(f"/{level}/{identifier}/{path}").status == 404


def test_values_and_answers_that_are_too_large(store):
    data = dicom(
        [text(0x00080018, "UI", "1.8"), Element(0x00091001, "OB", b"x" * 50_000), text(0x0020000E, "UI", "8")]
    )
    stored = store.client.post("/instances", data).json()
    large = stored["ID"]
    assert store.get(f"/instances/{large}/content/0009-1001").status == 413
    assert store.get(f"/instances/{large}/content/0008-0018").body == b"1.8\0"[:4]
    store.client.delete(f"/instances/{large}")
    many = [text(0x00100000 + n, "LT", "x" * 256) for n in range(0x3000, 0x3050)]
    for number in range(3):
        store.client.post(
            "/instances", dicom([*many, text(0x00080018, "UI", f"1.7.{number}"), text(0x0020000E, "UI", "7")])
        )
    series = next(
        s["ID"] for s in store.get("/series?expand").json() if s["MainDicomTags"]["SeriesInstanceUID"] == "7"
    )
    assert store.get(f"/series/{series}/instances-tags").status == 413
    assert store.get(f"/series/{series}/shared-tags").status == 200
    store.client.delete(f"/series/{series}")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("*/*,image/x-portable-arbitrarymap", "image/x-portable-arbitrarymap"),
    ],
)
def test_preview(store, accept, media_type):
    answer = store.get(f"/instances/{store.ct}/preview", accept)
    assert (answer.status, answer.content_type) == (200, media_type)
    assert store.calls.names == GET
    if media_type != "image/x-portable-arbitrarymap":
        assert Image.open(io.BytesIO(answer.body)).size == (128, 128)


def test_the_preview_of_a_deflated_file(store):
    data = (Path(pydicom.__file__).parent / "data/test_files/image_dfl.dcm").read_bytes()
    identifier = store.client.post("/instances", data).json()["ID"]
    assert Image.open(io.BytesIO(store.get(f"/instances/{identifier}/preview").body)).size == (512, 512)


def test_a_frame_that_is_too_large_is_not_read(store, monkeypatch):
    monkeypatch.setattr(images, "MAXIMUM_READ_BYTES", 30_000)
    assert store.get(f"/instances/{store.ct}/preview").status == 413
    assert store.calls.names == ["GetItem"]


def test_the_quality_of_a_jpeg(store):
    sizes = [
        len(store.get(f"/instances/{store.ct}/preview?quality={q}", "image/jpeg").body) for q in (10, 90)
    ]
    assert sizes[0] < sizes[1] == len(store.get(f"/instances/{store.ct}/preview", "image/jpeg").body)


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("{ct}/preview", "text/html", 404),
        ("{ct}/preview", "image/jpeg;q=x", 415),
        ("{ct}/preview?quality=abc", None, 415),
        ("{ct}/preview?quality=101", "image/jpeg", 415),
        ("{no_image}/preview", None, 415),
        ("{no_image}/preview?returnUnsupportedImage=false", None, 415),
        (f"{NOBODY}/preview", None, 404),
    ],
)
def test_previews_that_are_refused(store, path, accept, status):
    answer = store.get("/instances/" + path.format(ct=store.ct, no_image=store.no_image), accept)
    assert (answer.status, answer.body) == (status, b"")


def test_a_picture_in_place_of_what_cannot_be_shown(store):
    answer = store.get(f"/instances/{store.no_image}/preview?returnUnsupportedImage", "image/jpeg")
    assert (answer.status, answer.content_type) == (200, "image/png")
    assert Image.open(io.BytesIO(answer.body)).size == (150, 84)
