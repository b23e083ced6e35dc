"""The package unpacked answers what AWS sends to its functions."""

from __future__ import annotations

import base64
import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.data import get_testdata_file

from chalicelib.settings import Settings
from chalicelib.storage.clients import make_clients
from infra.resources import define
from tests.package.unpacked import Lambda, Packaged, api_event, body_of, recorded

CT = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
LOSSLESS_JPEG = Path(str(get_testdata_file("SC_rgb_jpeg_gdcm.dcm"))).read_bytes()
RGB_ID = "4d643d19-44ea2d8b-ff8e220c-fd15b58b-3902075a"
HEAVY = {
    "pydicom",
    "numpy",
    "PIL",
    "imagecodecs",
    "openjpeg",
    "pylibjpeg",
    "jpeg_ls",
    "argon2",
    "isal",
    "jsonc",
}
CT_ID = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"


def test_what_was_stored_comes_back_to_the_byte(function: Lambda) -> None:
    stored, tags, file, preview = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", CT, level="instances")),
        (
            "APIHandler",
            api_event("GET", "/{level}/{identifier}/tags", level="instances", identifier=CT_ID),
        ),
        (
            "APIHandler",
            api_event("GET", "/{level}/{identifier}/file", level="instances", identifier=CT_ID),
        ),
        (
            "APIHandler",
            api_event("GET", "/{level}/{identifier}/preview", level="instances", identifier=CT_ID),
        ),
    )
    assert stored["answer"]["statusCode"] == 200
    assert json.loads(body_of(stored))["ID"] == CT_ID
    assert json.loads(body_of(tags))["0010,0020"]["Value"] == "1CT1"
    assert hashlib.sha256(body_of(file)).digest() == hashlib.sha256(CT).digest()
    assert body_of(preview).startswith(b"\x89PNG")


def test_every_codec_is_there(function: Lambda) -> None:
    """What was left out of the package (infra/package/trimming.py) is missed by nothing."""

    def asked(syntax: str) -> tuple[str, dict[str, Any]]:
        event = api_event("GET", "/{level}/{identifier}/file", level="instances", identifier=RGB_ID)
        wish = f"1.2.840.10008.1.2.{syntax}"
        event["queryStringParameters"] = {"transcode": wish}
        event["multiValueQueryStringParameters"] = {"transcode": [wish]}
        return "APIHandler", event

    syntaxes = ("1", "5", "4.50", "4.70", "4.80", "4.90")
    stored, *files = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", LOSSLESS_JPEG, level="instances")), *map(asked, syntaxes)
    )
    assert json.loads(body_of(stored))["ID"] == RGB_ID
    for syntax, file in zip(syntaxes, files, strict=True):
        assert file["answer"]["statusCode"] == 200
        assert dcmread(BytesIO(body_of(file))).file_meta.TransferSyntaxUID == f"1.2.840.10008.1.2.{syntax}"


def test_a_failure_is_told_as_orthanc_does(function: Lambda) -> None:
    (refused,) = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", b"no DICOM", level="instances"))
    )
    assert refused["answer"]["statusCode"] == 400
    assert json.loads(body_of(refused))["OrthancStatus"] == 15


def test_a_query_is_read_with_all_that_is_said_more_than_once(function: Lambda) -> None:
    _, changes = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", CT, level="instances")),
        ("APIHandler", recorded("api-get")),
    )
    page = json.loads(body_of(changes))
    assert [change["Seq"] for change in page["Changes"]] == sorted(
        change["Seq"] for change in page["Changes"]
    )
    assert len(page["Changes"]) == 3  # limit=1&limit=3: the last one counts


def test_headers_that_are_said_more_than_once_are_understood(function: Lambda) -> None:
    _, instance = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", CT, level="instances")),
        ("APIHandler", recorded("api-get-as")),
    )
    assert instance["answer"]["headers"]["Content-Type"] == "application/xml; charset=utf-8"
    assert f"<ID>{CT_ID}</ID>".encode() in body_of(instance)


def test_head_answers_as_get_and_the_gateway_drops_the_body(function: Lambda) -> None:
    head = recorded("api-head")
    get = api_event("GET", head["resource"], **head["pathParameters"])
    _, headed, got = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", CT, level="instances")),
        ("APIHandler", head),
        ("APIHandler", get),
    )
    assert headed == got
    assert body_of(got) == CT


def test_a_body_is_read_out_of_base64(function: Lambda) -> None:
    _, found = function.invoke(
        ("APIHandler", api_event("POST", "/{level}", CT, level="instances")),
        ("APIHandler", recorded("api-post-find")),
    )
    assert json.loads(body_of(found)) == [CT_ID]


def test_who_may_only_read_deletes_nothing_by_a_get_either(function: Lambda) -> None:
    """By its method a request that writes is refused before: by the policy that the authorizer gives."""
    event = api_event("GET", "/{level}/{identifier}", level="instances", identifier=CT_ID)
    event["queryStringParameters"] = {"_method": "DELETE"}
    event["multiValueQueryStringParameters"] = {"_method": ["DELETE"]}
    event["requestContext"]["authorizer"]["readOnly"] = "true"
    (refused,) = function.invoke(("APIHandler", event))
    assert refused["answer"]["statusCode"] == 403


def test_the_authorizer_lets_in_who_knows_the_password(function: Lambda) -> None:
    known = recorded("authorizer-token")
    wrong = base64.b64encode(b"alice:battery staple").decode()
    allowed, refused = function.invoke(
        ("BasicAuthorizer", known),
        ("BasicAuthorizer", known | {"authorizationToken": f"Basic {wrong}"}),
    )
    (statement,) = allowed["answer"]["policyDocument"]["Statement"]
    assert (statement["Effect"], allowed["answer"]["principalId"]) == ("Allow", "alice")
    assert refused == {"error": "Unauthorized"}  # the text of which API Gateway makes a 401


def test_the_sweep_runs(function: Lambda) -> None:
    assert function.invoke(("Sweep", recorded("schedule"))) == [{"answer": None}]


def test_the_inbox_takes_in_what_the_queue_announces(function: Lambda, packaged: Packaged) -> None:
    """The same object twice, under a name that S3 encodes; one that is gone, one removed, and no notification."""
    bucket = define(Settings.load(packaged.variables)).inbox.name
    clients = make_clients(function.environment["NACRE_AWS_ENDPOINT_URL"])
    clients.s3.put_object(Bucket=bucket, Key="inbox/Müller CT/image 1.dcm", Body=CT)
    event = recorded("sqs-inbox")
    result, instance = function.invoke(
        ("Inbox", event),
        ("APIHandler", api_event("GET", "/{level}/{identifier}", level="instances", identifier=CT_ID)),
    )
    bad = event["Records"][-1]["messageId"]
    assert result == {"answer": {"batchItemFailures": [{"itemIdentifier": bad}]}}
    assert "Contents" not in clients.s3.list_objects_v2(Bucket=bucket)
    assert instance["answer"]["statusCode"] == 200


def test_the_message_by_which_s3_tries_the_queue_is_taken(function: Lambda) -> None:
    assert function.invoke(("Inbox", recorded("sqs-inbox-test"))) == [{"answer": {"batchItemFailures": []}}]


def test_a_message_of_the_jobs_queue_does_the_job(function: Lambda) -> None:
    def ask(method: str, template: str, body: bytes = b"", **parameters: str) -> tuple[str, dict[str, Any]]:
        return "APIHandler", api_event(method, template, body, **parameters)

    whole = json.dumps({"Resources": [CT_ID], "Asynchronous": True}).encode()
    _, created = function.invoke(
        ask("POST", "/{level}", CT, level="instances"), ask("POST", "/tools/create-archive", whole)
    )
    job = json.loads(body_of(created))["ID"]
    before, done, after = function.invoke(
        ask("GET", "/jobs/{job_id}", job_id=job),
        ("Jobs", recorded("sqs-jobs")),
        ask("GET", "/jobs/{job_id}", job_id=job),
    )
    assert done == {"answer": None}
    states = [json.loads(body_of(answer))["State"] for answer in (before, after)]
    assert states == ["Pending", "Success"]


def test_a_cold_start_and_its_first_answers_load_nothing_heavy(function: Lambda) -> None:
    answers = function.invoke(
        ("APIHandler", api_event("GET", "/system")),
        ("APIHandler", recorded("api-get")),
        ("APIHandler", api_event("GET", "/{level}", level="instances")),
    )
    assert {answer["answer"]["statusCode"] for answer in answers} == {200}
    for modules in (function.loaded["modules"], function.ended["modules"]):
        tops = {name.split(".")[0] for name in modules}
        assert {"chalice", "boto3"} <= tops
        assert not tops & HEAVY
