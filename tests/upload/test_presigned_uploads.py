"""Uploads past the gateway: a URL out, the bytes into the inbox, and an answer to what became of them."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydicom
import pytest
import requests

from chalicelib.application import make_app
from chalicelib.observability import Telemetry
from chalicelib.services import presigned
from infra.local.stack import emulator
from tests.support.client import Client
from tests.support.local_world import local_world
from tests.support.ministack_world import ministack_world
from tests.upload.files import CT_ID, MR_ID, archive, ct, mr


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(Path(tmp_path_factory.mktemp("emulator"))) as url:
        yield url


class Api:
    """The routes under /nacre of a store on an emulator that real PUTs reach."""

    def __init__(self, world: Any) -> None:
        self.services = world.services
        self.client = Client(make_app(world.services, Telemetry(logging.getLogger("silent"), None)))

    def begin(self, **wish: Any) -> Any:
        return self.client.post("/nacre/uploads", json.dumps(wish).encode()).json()

    def status(self, identifier: str) -> Any:
        return self.client.get(f"/nacre/uploads/{identifier}").json()

    def deliver(self, identifier: str) -> None:
        """What the event of the finished upload leads to."""
        self.services.inbox.take(f"inbox/uploads/default/{identifier}")


@pytest.fixture
def api(endpoint: str) -> Iterator[Api]:
    with ministack_world(endpoint) as world:
        yield Api(world)


@pytest.fixture
def offline() -> Iterator[Api]:
    """For calls that end before S3 is reached by the client."""
    with local_world() as world:
        yield Api(world)


def test_a_file_comes_in_by_one_put(api: Api) -> None:
    ticket = api.begin(Size=len(ct()), Md5=hashlib.md5(ct()).hexdigest().upper())
    assert ticket["Method"] == "PUT"
    assert ticket["Headers"] == {"Content-MD5": b64encode(hashlib.md5(ct()).digest()).decode()}
    assert api.status(ticket["ID"]) == {"ID": ticket["ID"], "Status": "Pending"}
    assert requests.put(ticket["Url"], ct(), headers=ticket["Headers"]).status_code == 200
    api.deliver(ticket["ID"])
    status = api.status(ticket["ID"])
    assert status["Status"] == "Success"
    posted = api.client.post("/instances", ct()).json()
    assert status["Instances"] == [posted | {"Status": "Success"}]
    metadata = api.services.reading.instance(CT_ID).metadata
    assert (metadata["Origin"], metadata["RemoteIP"]) == ("RestApi", "127.0.0.1")


def test_the_url_binds_size_and_sum(api: Api) -> None:
    ticket = api.begin(Size=100, Md5="0" * 32)
    signed = parse_qs(urlsplit(ticket["Url"]).query)["X-Amz-SignedHeaders"][0]
    assert {"content-length", "content-md5"} <= set(signed.split(";"))
    assert "content-length" not in parse_qs(urlsplit(api.begin()["Url"]).query)["X-Amz-SignedHeaders"][0]
    assert requests.put(ticket["Url"], b"x" * 100, headers=ticket["Headers"]).status_code == 400


def test_an_archive_is_answered_for_file_by_file(api: Api) -> None:
    ticket = api.begin()
    requests.put(ticket["Url"], archive(("ct", ct()), ("text", b"no"), ("mr", mr())))
    api.deliver(ticket["ID"])
    found = [(one["ID"], one["Status"]) for one in api.status(ticket["ID"])["Instances"]]
    assert found == [(CT_ID, "Success"), ("", "Failure"), (MR_ID, "Success")]


def test_a_refusal_is_told_in_orthancs_words(api: Api) -> None:
    ticket = api.begin(Size=2)
    requests.put(ticket["Url"], b"no")
    api.deliver(ticket["ID"])
    status = api.status(ticket["ID"])
    assert (status["Status"], status["OrthancStatus"], status["Message"]) == (
        "Failure",
        15,
        "Bad file format",
    )


def test_a_large_file_comes_in_by_parts(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    padded = _padded(ct(), 6 * 1024**2)
    monkeypatch.setattr(presigned, "SINGLE_BYTES", 1_000_000)
    monkeypatch.setattr(presigned, "PART_BYTES", 5 * 1024**2)
    ticket = api.begin(Size=len(padded))
    assert [part["Size"] for part in ticket["Parts"]] == [5 * 1024**2, len(padded) - 5 * 1024**2]
    first, second = ticket["Parts"]
    requests.put(first["Url"], padded[: first["Size"]])
    answer = api.client.post(ticket["Complete"], b"")
    assert (answer.status, answer.json()["Details"][:17]) == (400, "Parts are missing")
    requests.put(second["Url"], padded[first["Size"] :])
    for _ in range(2):
        assert api.client.post(ticket["Complete"], b"").status == 200
    api.deliver(ticket["ID"])
    assert api.status(ticket["ID"])["Instances"][0]["ID"] == CT_ID
    assert api.client.post(ticket["Complete"], b"").status == 200


def test_an_upload_can_be_aborted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presigned, "SINGLE_BYTES", 1000)
    single, parts = api.begin(Size=1000), api.begin(Size=1001)
    requests.put(single["Url"], bytes(1000))
    requests.put(parts["Parts"][0]["Url"], bytes(1001))
    for ticket in (single, parts):
        assert api.client.delete(f"/nacre/uploads/{ticket['ID']}").status == 200
        assert api.client.get(f"/nacre/uploads/{ticket['ID']}").status == 404
        assert api.client.delete(f"/nacre/uploads/{ticket['ID']}").status == 404
        api.deliver(ticket["ID"])
    assert requests.put(parts["Parts"][0]["Url"], bytes(1001)).status_code == 404
    assert api.client.get("/instances").json() == []


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ('{"Size": 0}', 3),
        ('{"Size": -1}', 3),
        ('{"Size": 70000000000}', 3),
        ('{"Size": true}', 5),
        ('{"Size": "5"}', 5),
        ('{"Size": 1.5}', 5),
        ('{"Md5": "xyz"}', 3),
        ('{"Md5": 5}', 5),
        ('{"Size": 200000000, "Md5": "00000000000000000000000000000000"}', 3),
        ("[]", 5),
        ("no JSON", 28),
        ("[" * 100_000, 28),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(offline: Api, wish: str, code: int) -> None:
    answer = offline.client.post("/nacre/uploads", wish.encode())
    assert (answer.status, answer.json()["OrthancStatus"]) == (400, code)


def test_parts_stay_within_s3s_limits() -> None:
    assert presigned.MAX_UPLOAD_BYTES / presigned.MAX_PARTS <= 5 * 1024**3
    assert presigned.MAX_PARTS <= 10_000
    assert presigned.PART_BYTES >= 5 * 1024**2
    assert presigned.SINGLE_BYTES <= 5 * 1024**3


@pytest.mark.parametrize("identifier", ["0" * 32, "x", "..", "0" * 31 + "g"])
def test_unknown_uploads_are_not_found(offline: Api, identifier: str) -> None:
    assert offline.client.get(f"/nacre/uploads/{identifier}").status == 404
    assert offline.client.post(f"/nacre/uploads/{identifier}/complete", b"").status == 404


def test_identifiers_cannot_be_guessed(offline: Api) -> None:
    identifiers = {offline.begin()["ID"] for _ in range(20)}
    assert len(identifiers) == 20
    assert all(len(identifier) == 32 for identifier in identifiers)


def test_what_became_of_an_object_can_be_asked_for(api: Api) -> None:
    services = api.services
    bucket = services.settings.inbox_bucket
    client = services.files._client
    client.put_object(Bucket=bucket, Key="inbox/a b/ct", Body=ct())
    assert api.client.post("/nacre/inbox/lookup", b"inbox/a b/ct").status == 404
    services.inbox.take("inbox/a b/ct")
    answer = api.client.post("/nacre/inbox/lookup", b"inbox/a b/ct").json()
    assert (answer["Status"], answer["Instances"][0]["ID"]) == ("Success", CT_ID)
    assert api.client.post("/nacre/inbox/lookup", b"\xff").status == 404
    assert api.client.post("/nacre/inbox/lookup", b"").status == 404


def _padded(data: bytes, size: int) -> bytes:
    """The file with padding behind its pixel data."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.DataSetTrailingPadding = bytes(size)
    stream = io.BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()
