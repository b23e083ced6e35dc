"""Requests and what was answered to them, in the form that is kept and compared.

What differs from run to run (times, UUIDs, ports) is replaced by a mark, if it has the form that it must have.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread

from tests.conformance.transcoded import transcoded_content
from tests.support.client import Answer
from tests.unit.dicom_rendering.record_orthanc import fingerprint

RECORDINGS = Path(__file__).with_name("recordings")
HEADERS = (
    "allow",
    "content-disposition",
    "content-encoding",
    "content-type",
    "etag",
    "location",
    "www-authenticate",
)
LONGEST_TEXT = 400

_TIME = re.compile(r"\d{8}T\d{6}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_WHOLE = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
_VOLATILE = {
    "Date": _TIME,
    "LastUpdate": _TIME,
    "2": _TIME,
    "7": _TIME,
    "FileUuid": _UUID,
    "ReceptionDate": _TIME,
    "Uuid": _UUID,
    "DatabaseServerIdentifier": re.compile(r".+"),
    "HttpPort": re.compile(r"\d+"),
}
_VOLATILE |= {
    "CompletionTime": re.compile(r".+"),
    "CreationTime": re.compile(r".+"),
    "EffectiveRuntime": re.compile(r".+"),
    "Timestamp": re.compile(r".+"),
    "ArchiveSize": re.compile(r"[0-9]+"),
}
_VOLATILE_PATHS = {"/tools/now": _TIME, "/tools/now-local": _TIME, "/tools/generate-uid": _UID}


@dataclass(frozen=True)
class Body:
    """The body of a request, and the name it has in recordings."""

    name: str
    data: bytes


NOTHING = Body("", b"")


@dataclass(frozen=True)
class Request:
    """A request."""

    method: str
    path: str
    body: Body = NOTHING
    headers: Mapping[str, str] = field(default_factory=dict)
    is_ordered: bool = True
    """Whether the order of a list in the answer matters."""

    @property
    def line(self) -> str:
        """The request in one line, as recordings have it."""
        headers = "".join(f" {name}: {value}" for name, value in sorted(self.headers.items()))
        return f"{self.method} {self.path}{headers}{f' < {self.body.name}' if self.body.name else ''}"


@dataclass(frozen=True)
class Exchange:
    """A request, by its line, and the answer in the form in which it is compared."""

    request: str
    answer: dict[str, Any]

    @property
    def route(self) -> str:
        """The route's template: ``GET /studies/{id}/series``."""
        method, path = self.request.split(" ", 2)[:2]
        segments = [_segment(segment) for segment in path.split("?")[0].split("/")]
        if segments[3:4] == ["content"] and len(segments) > 4:
            segments[4:] = ["..."]
        return f"{method} {'/'.join(segments)}"

    @property
    def query(self) -> str:
        """The query string."""
        return self.request.split(" ", 2)[1].partition("?")[2]

    @property
    def status(self) -> int:
        """The status of the answer."""
        return int(self.answer["status"])

    @property
    def body(self) -> Any:
        """The body of the answer, as JSON if it is JSON."""
        return self.answer.get("json", self.answer.get("text"))


def _segment(segment: str) -> str:
    return "{id}" if _ID.fullmatch(segment) or segment == "unknown" else segment


def comparable(request: Request, answer: Answer) -> dict[str, Any]:
    """An answer in the form that is kept and compared."""
    headers = {name: _UUID.sub("<UUID>", answer.headers[name]) for name in HEADERS if name in answer.headers}
    if "etag" in headers and _last(request.path) in _VOLATILE:
        headers["etag"] = re.sub("[0-9a-f]{32}", "<MD5>", headers["etag"])
    form: dict[str, Any] = {"status": answer.status}
    if headers:
        form["headers"] = headers
    if answer.body:
        kind, value = _body(request, answer)
        if not request.is_ordered and isinstance(value, list):
            value.sort(key=lambda item: json.dumps(item, sort_keys=True))
        form[kind] = value
    return form


def _last(path: str) -> str:
    """The last segment of a path."""
    return path.split("?", maxsplit=1)[0].rsplit("/", 1)[1]


def _body(request: Request, answer: Answer) -> tuple[str, Any]:
    if answer.content_type in ("image/png", "image/jpeg"):
        return "image", fingerprint(answer.body)
    if answer.body.startswith((b"\x93NUMPY", b"PK")) and request.path.split("?")[0].endswith("/numpy"):
        return "array", _array(answer.body)
    is_json = answer.content_type.startswith("application/json")
    if answer.content_type == "image/x-portable-arbitrarymap":
        return _bytes(answer.body)
    if answer.content_type == "application/gzip":
        return _bytes(gzip.decompress(answer.body))
    if answer.content_type == "application/zip":
        return "zip", zip_contents(answer.body, transcoded_content if is_transcoded(request) else _digest)
    if answer.content_type == "application/dicom" and request.path.endswith("/modify"):
        return "dicom", transcoded_content(answer.body, shows_values=True)
    if answer.content_type == "application/dicom" and is_transcoded(request):
        return "dicom", transcoded_content(answer.body)
    if answer.content_type == "application/dicom" or ("/content/" in request.path and not is_json):
        return _bytes(answer.body)
    try:
        text = answer.body.decode()
    except UnicodeDecodeError:
        return _bytes(answer.body)
    if is_json or text[:1] == "{":
        return "json", _steady(_without_results(request, json.loads(text)))
    if answer.content_type.startswith("application/xml"):
        return "text", _UUID_WHOLE.sub("<UUID>", _TIME.sub("<time>", text))
    pattern = _VOLATILE_PATHS.get(request.path.split("?")[0]) or _VOLATILE.get(_last(request.path))
    if pattern:
        match = next((p for p in (pattern, _UUID) if p.fullmatch(text)), None)
        text = f"<{match.pattern}>" if match else text
    return "text", text


def _without_results(request: Request, value: Any) -> Any:
    """The value without the identifiers of what a modification made: they follow from new UIDs."""
    if isinstance(value, dict) and request.path.endswith("/modify") and "ParentResources" in value:
        return {key: _ID.sub("<new>", v) if key in ("ID", "Path") else v for key, v in value.items()}
    return value


def _array(data: bytes) -> dict[str, Any]:
    """An array of NumPy, however its file describes it."""
    loaded = np.load(io.BytesIO(data))
    is_archive = hasattr(loaded, "files")
    array = loaded[loaded.files[0]] if is_archive else loaded
    return {
        "archive": list(loaded.files) if is_archive else None,
        "type": str(array.dtype),
        "shape": list(array.shape),
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }


def is_transcoded(request: Request) -> bool:
    """Whether files in another transfer syntax are asked for."""
    return "transcode=" in request.path or b'"Transcode"' in request.body.data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def zip_contents(data: bytes, content: Callable[[bytes], Any] = _digest) -> list[Any]:
    """The names in an archive, in order, and what is behind them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [[name, _entry(name, archive.read(name), content)] for name in archive.namelist()]


def _entry(name: str, data: bytes, content: Callable[[bytes], Any]) -> Any:
    if name != "DICOMDIR":
        return content(data)
    directory = dcmread(io.BytesIO(data))
    records = json.loads(json.dumps(directory.to_json_dict().get("00041220", {}).get("Value", [])))
    offsets = ("00041400", "00041420", "00041410")
    return [{tag: _value_of(e) for tag, e in record.items() if tag not in offsets} for record in records]


def _value_of(element: dict[str, Any]) -> list[Any]:
    """VR and value; a time of day that stands in for a missing one is a mark."""
    value = element.get("Value")
    if element.get("vr") == "TM" and value and re.fullmatch(r"[0-9]{6}\.000000", str(value[0])):
        value = ["<now>"]
    return [element.get("vr"), value]


def _bytes(data: bytes) -> tuple[str, Any]:
    if len(data) <= 64:
        return "hex", data.hex()
    return "bytes", {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _steady(value: Any, name: str = "") -> Any:
    """The value without what differs from run to run; long texts as their digests."""
    if isinstance(value, dict):
        return {key: _steady(child, key) for key, child in value.items()}
    if isinstance(value, list):
        return [_steady(child) for child in value]
    if isinstance(value, str):
        value = _UUID_WHOLE.sub("<UUID>", value) if name in ("ID", "Path", "Uri") else value
    pattern = _VOLATILE.get(name)
    if pattern and not isinstance(value, bool) and pattern.fullmatch(str(value)):
        return f"<{name}>"
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"<{len(value)} letters {hashlib.sha256(value.encode()).hexdigest()[:32]}>"
    return value


def recording_path(name: str) -> Path:
    """Where the recording of a scenario lies."""
    return RECORDINGS / (re.sub(r"[^\w./-]+", "_", name) + ".json.xz")


def save(name: str, exchanges: Sequence[Exchange]) -> None:
    """Keep a recording; the same exchanges give the same bytes."""
    path = recording_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps([e.request, e.answer], ensure_ascii=False, sort_keys=True) for e in exchanges]
    path.write_bytes(lzma.compress("\n".join(lines).encode("utf-8", "surrogatepass"), preset=9))


def load(name: str) -> list[Exchange]:
    """A recording."""
    text = lzma.decompress(recording_path(name).read_bytes()).decode("utf-8", "surrogatepass")
    return [Exchange(*json.loads(line)) for line in text.splitlines()]
