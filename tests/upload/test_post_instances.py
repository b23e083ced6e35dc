"""POST /instances takes what Orthanc 1.12.7 takes, and answers as it does; where it differs, the name says so."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.application import make_app
from chalicelib.observability import Telemetry
from chalicelib.routes.uploads import parts_of
from tests.support.client import Answer, Client
from tests.support.local_world import local_world
from tests.upload.files import CT_ID, MR_ID, archive, ct, mr

GZIP = {"Content-Encoding": "gzip"}
CT_ANSWER = {
    "ID": CT_ID,
    "ParentPatient": "fa558bce-587a86d3-ad0da9b3-9d043d9d-4f5c5718",
    "ParentSeries": "93034833-163e42c3-bc9a428b-194620cf-2c5799e5",
    "ParentStudy": "8a8cf898-ca27c490-d0c7058c-929d0581-2bbf104d",
    "Path": f"/instances/{CT_ID}",
    "Status": "Success",
}


class Store:
    """A store and a client of it."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.client = Client(make_app(world.services, Telemetry(logging.getLogger("silent"), None)))

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        return self.client.post("/instances", body, headers)


@pytest.fixture
def store() -> Iterator[Store]:
    with local_world(maximum_upload_bytes="1000000") as world:
        yield Store(world)


def form(*contents: bytes) -> tuple[bytes, dict[str, str]]:
    parts = b"".join(
        b'--zz\r\nContent-Disposition: form-data; name="file"; filename="Doe"\r\n\r\n' + content + b"\r\n"
        for content in contents
    )
    return parts + b"--zz--\r\n", {"Content-Type": "multipart/form-data; boundary=zz"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/dicom"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/form-data"},
        {"Content-Encoding": "identity"},
        {"Content-Encoding": "br"},
    ],
)
def test_a_file_of_any_content_type_is_stored(store: Store, headers: dict[str, str]) -> None:
    answer = store.post(ct(), headers)
    assert (answer.status, answer.content_type) == (200, "application/json; charset=utf-8")
    assert answer.json() == CT_ANSWER
    assert store.post(ct(), headers).json() == CT_ANSWER | {"Status": "AlreadyStored"}
    assert store.client.get(f"/instances/{CT_ID}/file").body == ct()


@pytest.mark.parametrize(("rule", "changed"), [("Always", "ct"), ("Always", "other"), ("IfChanged", "other")])
def test_an_overwritten_instance_is_a_success(rule: str, changed: str) -> None:
    other = bytearray(ct())
    other[-5] ^= 1
    data = ct() if changed == "ct" else bytes(other)
    with local_world(overwrite_instances=rule) as world:
        store = Store(world)
        store.post(ct())
        assert store.post(data).json()["Status"] == "Success"
        assert store.client.get(f"/instances/{CT_ID}/file").body == data


@pytest.mark.parametrize("rule", ["Never", "IfChanged"])
def test_the_same_instance_is_kept(rule: str) -> None:
    with local_world(overwrite_instances=rule) as world:
        store = Store(world)
        store.post(ct())
        assert store.post(ct()).json()["Status"] == "AlreadyStored"


def test_the_instance_knows_where_it_came_from(store: Store) -> None:
    store.post(ct())
    metadata = store.world.services.reading.instance(CT_ID).metadata
    assert metadata["ReceptionDate"] == "20270115T080000"
    origin = {name: metadata[name] for name in ("Origin", "RemoteIP", "HttpUsername", "RemoteAET")}
    assert origin == {"Origin": "RestApi", "RemoteIP": "127.0.0.1", "HttpUsername": "", "RemoteAET": ""}


@pytest.mark.parametrize("body", [b"", b"x", b"no DICOM at all" * 20, ct()[:1000], gzip.compress(ct())])
def test_what_is_no_dicom_is_refused_in_orthancs_words(store: Store, body: bytes) -> None:
    answer = store.post(body)
    assert (answer.status, answer.content_type) == (400, "text/plain")
    error = answer.json()
    assert (error["OrthancStatus"], error["OrthancError"]) == (15, "Bad file format")
    assert (error["Uri"], error["Method"]) == ("/instances", "POST")
    assert store.client.get("/instances").json() == []


def test_an_empty_body_is_told_apart(store: Store) -> None:
    assert store.post(b"").json()["Details"] == "Received an empty DICOM file"


@pytest.mark.parametrize("name", ["gzip", "GZIP"])
def test_gzip_is_undone(store: Store, name: str) -> None:
    assert store.post(gzip.compress(ct()), {"Content-Encoding": name}).json() == CT_ANSWER
    assert store.client.get(f"/instances/{CT_ID}/file").body == ct()


@pytest.mark.parametrize("body", [gzip.compress(ct())[:-300], b"no gzip", gzip.compress(ct()) + b"junk"])
def test_damaged_gzip_is_a_bad_request_where_orthanc_fails_itself(store: Store, body: bytes) -> None:
    answer = store.post(body, GZIP)
    assert (answer.status, answer.json()["OrthancStatus"]) == (400, 15)


def test_deflate_is_no_encoding_that_is_undone(store: Store) -> None:
    assert store.post(zlib.compress(ct()), {"Content-Encoding": "deflate"}).status == 400


def test_what_is_too_large_is_told_how_to_come_in(store: Store) -> None:
    for body, headers in ((bytes(1_000_001), {}), (gzip.compress(bytes(50_000_001)), GZIP)):
        answer = store.post(body, headers)
        assert answer.status == 413
        assert "POST /nacre/uploads" in answer.json()["Details"]


def test_each_file_of_an_archive_is_answered_for_in_order(store: Store) -> None:
    answer = store.post(archive(("a/ct", ct()), ("b/", b""), ("b/c/mr", mr()), ("again", ct())))
    assert (answer.status, answer.content_type) == (200, "application/json; charset=utf-8")
    found = [(one["ID"], one["Status"]) for one in answer.json()]
    assert found == [(CT_ID, "Success"), (MR_ID, "Success"), (CT_ID, "AlreadyStored")]


def test_bad_files_of_an_archive_are_reported_where_orthanc_leaves_them_out(store: Store) -> None:
    answer = store.post(archive(("Doe^John.txt", b"hello"), ("ct", ct())))
    bad, good = answer.json()
    assert good == CT_ANSWER
    assert (bad["Status"], bad["Entry"], bad["OrthancStatus"], bad["ID"]) == ("Failure", 0, 15, "")
    assert set(CT_ANSWER) < set(bad)
    assert b"Doe" not in answer.body


def test_archives_in_an_archive_are_not_opened(store: Store) -> None:
    answer = store.post(archive(("in.zip", archive(("ct", ct())))))
    assert [one["Status"] for one in answer.json()] == ["Failure"]


def test_an_empty_archive_is_an_empty_list(store: Store) -> None:
    assert store.post(archive()).json() == []


def test_an_archive_that_is_cut_off_is_refused(store: Store) -> None:
    answer = store.post(archive(("ct", ct()))[:-30])
    assert (answer.status, answer.json()["Details"]) == (400, "Cannot open ZIP archive from memory buffer")


def test_a_bomb_is_refused(store: Store) -> None:
    answer = store.post(archive(*((str(n), bytes(6_000_000)) for n in range(9))))
    assert answer.status == 413
    assert store.client.get("/instances").json() == []


def test_a_form_is_stored_and_answered_with_nothing(store: Store) -> None:
    answer = store.post(*form(ct(), archive(("mr", mr()))))
    assert (answer.status, answer.body) == (200, b"")
    assert store.client.get("/instances").json() == sorted([CT_ID, MR_ID])


def test_a_form_with_something_else_is_refused(store: Store) -> None:
    assert store.post(*form(b"y")).json()["OrthancStatus"] == 15
    assert store.post(*form(b"")).json()["Details"] == "Received an empty DICOM file"


@pytest.mark.parametrize("cut", [1, 8, 30])
def test_a_form_that_is_cut_off_is_refused_where_orthanc_acknowledges_it(store: Store, cut: int) -> None:
    body, headers = form(ct())
    error = store.post(body[:-6][:-cut], headers).json()
    assert (error["HttpStatus"], error["Details"]) == (400, "The form has no parts, or is cut off")


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_the_parts_of_a_form_are_what_was_put_in(contents: list[bytes]) -> None:
    contents = [content.replace(b"--zz", b"") for content in contents]
    body, headers = form(*contents)
    assert list(parts_of(body, headers["Content-Type"])) == contents


def test_other_levels_take_no_files(store: Store) -> None:
    assert store.client.post("/studies", ct()).status in (404, 405)
