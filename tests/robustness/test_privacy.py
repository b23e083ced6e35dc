"""Names of patients, wherever they come in, stand in no line of the log and in no error."""

from __future__ import annotations

import base64
import io
import json
import logging
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from chalicelib.observability import Telemetry
from chalicelib.services.authentication import Authenticator
from tests.conformance.raw import DEFLATED, IMPLICIT, LITTLE, Element, text
from tests.conformance.raw import dicom as sound
from tests.robustness.conftest import OpenStore
from tests.robustness.store import Store
from tests.support.faults import Send
from tests.support.inprocess import answer
from tests.support.local_world import local_world
from tests.support.world import World
from tests.unit.dicom.build import PIXELS
from tests.upload.files import archive

MARK = "Quxelbrand"
ELEMENTS = (
    (0x00080005, "CS"),
    (0x00080050, "SH"),
    (0x00081030, "LO"),
    (0x00100010, "PN"),
    (0x00100020, "LO"),
    (0x00100030, "DA"),
    (0x00200013, "IS"),
    (0x00280010, "LO"),
    (0x00280008, "IS"),
    (0x00091001, "UT"),
)


def marked(syntax: str) -> bytes:
    """A file with the mark in elements of all kinds, some of which should be numbers or dates."""
    elements = [text(tag, vr, f"{MARK}^{tag:08x}") for tag, vr in ELEMENTS]
    return sound([*elements, Element(PIXELS, "OW", MARK.encode())], syntax)


def damaged() -> Iterator[bytes]:
    """Such files, whole and damaged in many ways."""
    dice = random.Random(MARK)
    for syntax in (LITTLE, IMPLICIT, DEFLATED):
        data = marked(syntax)
        yield data
        for _ in range(12):
            yield data[: dice.randrange(len(data))]
            spoiled = bytearray(data)
            for _ in range(6):
                spoiled[dice.randrange(300, len(data))] ^= 1 << dice.randrange(8)
            yield bytes(spoiled)
    for tag in (0x00080018, 0x0020000D, 0x0020000E):
        yield sound([text(tag, "UI", MARK)])
        yield sound([text(0x00100010, "PN", MARK)], without=tag)
    yield archive((f"{MARK}.dcm", data), (f"{MARK}/x", MARK.encode()), ("y", data[:900]))
    yield archive((f"{MARK}.dcm", data))[:-40]
    yield MARK.encode() * 100


def queries() -> Iterator[str]:
    for name in (
        "since",
        "limit",
        "expand",
        "type",
        "level",
        "quality",
        "last",
        MARK,
    ):
        yield f"{name}={MARK}&since=x"
        yield f"{name}={MARK}"
    yield f"since=0&limit={MARK}"


@pytest.fixture
def hidden(log: io.StringIO) -> Callable[[Store], None]:
    """Checks that the mark is nowhere."""

    def check(store: Store) -> None:
        for form in (MARK, MARK.upper(), quote(f"{MARK}^"), base64.b64encode(MARK.encode())[:-4].decode()):
            assert form not in log.getvalue()
            assert [error for error in store.errors if form.encode() in error] == []

    return check


def test_what_is_in_files_is_told_to_nobody(open_store: OpenStore, hidden: Callable[[Store], None]) -> None:
    with open_store(overwrite_instances="Always") as store:
        stored = 0
        for data in damaged():
            found = store.post(data)
            if found.status == 200 and isinstance(found.json(), dict):
                stored += 1
                at = found.json()["Path"]
                for path in (
                    "preview",
                    "tags",
                    "content/0010-0010/0",
                    "content/0028-0010/9/0010-0010",
                    "study",
                    "module",
                ):
                    store.get(f"{at}/{path}")
        store.world.settle()
        assert stored > 5
        assert len(store.errors) > 20
        hidden(store)


def test_what_is_in_requests_is_told_to_nobody(
    open_store: OpenStore, hidden: Callable[[Store], None], log: io.StringIO
) -> None:
    with open_store() as store:
        identifier = store.post(sound([])).json()["ID"]
        for query in queries():
            for path in (
                "/instances",
                f"/instances/{identifier}",
                f"/instances/{identifier}/tags",
                "/changes",
                "/tools/generate-uid",
                f"/instances/{identifier}/preview",
            ):
                store.get(f"{path}?{query}")
        for body in (
            MARK.encode(),
            json.dumps({"Size": MARK}).encode(),
            json.dumps({"Md5": MARK}).encode(),
            json.dumps(MARK).encode(),
        ):
            for path in ("/tools/lookup", "/nacre/uploads", "/nacre/inbox/lookup", "/instances"):
                store.ask("POST", path, body)
        for name in ("Content-Type", "Content-Encoding", "Accept", "Authorization", "User-Agent", "Referer"):
            store.get(f"/instances/{identifier}/preview", {name: MARK})
            store.post(b"x", {name: f"multipart/form-data; boundary={MARK}"})
        hidden(store)
        # Paths and names of tags are in errors, as in Orthanc's: who asks has sent them. They are not in the log.
        for query in (f"?requestedTags={MARK}", f"/tags?ignore-length={MARK}"):
            store.get(f"/instances/{identifier}{query}")
        for path in (
            f"/{MARK}",
            f"/instances/{MARK}",
            f"/instances/{identifier}/content/{MARK}",
            f"/instances/{identifier}/{MARK}",
        ):
            store.get(path)
            store.ask("DELETE", path)
        assert MARK not in log.getvalue()


def test_credentials_are_told_to_nobody(telemetry: Telemetry, hidden: Callable[[Store], None]) -> None:
    sent = [f"{MARK}:{MARK}", f"alice:{MARK}", MARK, f"{MARK}:", ":"]
    with local_world() as world:
        store = Store(world, telemetry, Authenticator(lambda: {"alice": "secret"}))
        for credentials in sent:
            for encoded in (credentials, base64.b64encode(credentials.encode()).decode()):
                for header in (f"Basic {encoded}", f"Bearer {encoded}", encoded):
                    found = store.get("/system", {"Authorization": header})
                    assert found.status == 401
        hidden(store)
        assert store.get("/system", {"Authorization": "Basic YWxpY2U6c2VjcmV0"}).status == 200


@pytest.mark.parametrize(
    "call", ["GetItem", "Query", "BatchGetItem", "TransactWriteItems", "PutObject", "GetObject"]
)
def test_what_aws_says_of_a_failed_call_is_told_to_nobody(
    telemetry: Telemetry, log: io.StringIO, hidden: Callable[[Store], None], call: str
) -> None:
    with local_world() as world:
        store = Store(world, telemetry)
        at = store.post(marked(LITTLE)).json()["Path"]
        requests = [
            ("POST", "/instances", sound([text(0x00100020, "LO", MARK)])),
            ("GET", at, b""),
            ("GET", f"{at}/tags", b""),
            ("POST", "/tools/lookup", MARK.encode()),
        ]
        failed = [refused(world, store, call, *request) for request in requests]
        assert max(failed) >= 500
        assert '"error"' in log.getvalue()
        hidden(store)


def refused(world: World, store: Store, call: str, method: str, url: str, body: bytes) -> int:
    """The status of a request during which one of AWS's calls is refused, with a message that quotes names."""

    def refuse(_number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
        if name != call:
            return send(request)
        if "Object" in name:
            return answer(
                request,
                403,
                {},
                f"<Error><Code>AccessDenied</Code><Message>{MARK}</Message></Error>".encode(),
            )
        error = {"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message": f"bad {MARK}"}
        return answer(
            request, 400, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(error).encode()
        )

    world.calls.spoil(refuse)
    try:
        found = store.ask_unchecked(method, url, body)
    finally:
        world.calls.reset()
    store.errors.append(found.body if found.status >= 400 else b"")
    return found.status


def test_the_log_says_what_libraries_did_but_not_what_they_said(
    telemetry: Telemetry, log: io.StringIO
) -> None:
    logging.getLogger("pydicom").error("Invalid value %s", MARK)
    assert "withheld" in log.getvalue()
    assert MARK not in log.getvalue()
