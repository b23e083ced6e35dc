"""Attachments: `/{level}/{id}/attachments`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.domain.annotations import Attachment
from chalicelib.domain.errors import BadRequest, RangeNotSatisfiable, UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.routes.annotations import known_revision, revised
from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, json_response, level_of, text_response
from chalicelib.services.attachments import revision_of

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

OPERATIONS = (
    "compress", "compressed-data", "compressed-md5", "compressed-size", "data", "info", "is-compressed", "md5", "size",
    "uncompress", "verify-md5",
)  # fmt: skip
EMPTY_OBJECT = b"{}"
PLAIN_JSON = "application/json"
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


def attachment_routes(services: Services) -> Api:
    """The routes for attachments."""
    api = Api(__name__)
    attachments = services.attachments

    @api.get("/{level}/{identifier}/attachments")
    def list_attachments(level: str, identifier: str) -> Response:
        found = attachments.all(level_of(level), identifier)
        return json_response(found if "full" in api.query else list(found))

    @api.get("/{level}/{identifier}/attachments/{name}")
    def list_operations(level: str, identifier: str, name: str) -> Response:
        _, attachment = attachments.get(level_of(level), identifier, name)
        return revised(api, json_response(list(OPERATIONS)), revision_of(attachment))

    @api.put("/{level}/{identifier}/attachments/{name}")
    def put_attachment(level: str, identifier: str, name: str) -> Response:
        known = known_revision(api)
        attachment = attachments.put(level_of(level), identifier, name, api.body, known)
        return bytes_response(EMPTY_OBJECT, PLAIN_JSON, {"ETag": revision_of(attachment).etag})

    @api.delete("/{level}/{identifier}/attachments/{name}")
    def delete_attachment(level: str, identifier: str, name: str) -> Response:
        attachments.delete(level_of(level), identifier, name, known_revision(api))
        return text_response("")

    @api.get("/{level}/{identifier}/attachments/{name}/{operation}")
    def get_of_attachment(level: str, identifier: str, name: str, operation: str) -> Response:
        show = _SHOWN.get(operation)
        if show is None:
            raise UnknownResource
        number, attachment = attachments.get(level_of(level), identifier, name)
        return revised(api, show(services, api, number, attachment), revision_of(attachment))

    @api.post("/{level}/{identifier}/attachments/{name}/{operation}")
    def do_with_attachment(level: str, identifier: str, name: str, operation: str) -> Response:
        at = level_of(level)
        if operation == "verify-md5":
            _verify(services, at, identifier, name)
        elif operation in ("compress", "uncompress"):
            attachments.compress(at, identifier, name, is_wanted=operation == "compress")
        else:
            raise UnknownResource
        return bytes_response(EMPTY_OBJECT, PLAIN_JSON)

    return api


def _verify(services: Services, level: Level, identifier: str, name: str) -> None:
    services.annotate.row(level, identifier)
    try:
        is_intact = services.attachments.is_intact(level, identifier, name)
    except UnknownResource:
        is_intact = False
    if not is_intact:
        raise BadRequest("The attachment is not there, or not what it was")


Shown = Callable[["Services", Api, int, Attachment], Response]


def _data(services: Services, api: Api, number: int, attachment: Attachment) -> Response:
    if attachment.size > services.settings.maximum_inline_bytes:
        location = services.attachments.url(number, attachment)
        return Response(b"", headers={"Location": location}, status_code=307)
    data = services.attachments.data(attachment)
    return _part(services, api, number, attachment, data)


def _compressed_data(services: Services, api: Api, number: int, attachment: Attachment) -> Response:
    if not attachment.is_compressed:
        return _data(services, api, number, attachment)
    return _part(services, api, number, attachment, services.attachments.compressed_data(attachment))


def _part(services: Services, api: Api, number: int, attachment: Attachment, data: bytes) -> Response:
    """The bytes that `Range` asks for, or all (RFC 9110, section 14: one range)."""
    content_type = services.attachments.content_type(number)
    match = _RANGE.fullmatch(api.header("range"))
    if match is None or not any(match.groups()):
        return bytes_response(data, content_type, {"Content-Disposition": f'filename="{attachment.uuid}"'})
    first, last = match.groups()
    start = int(first) if first else max(len(data) - int(last), 0)
    end = min(int(last) + 1, len(data)) if first and last else len(data)
    if start >= end:
        raise RangeNotSatisfiable
    part = bytes_response(data[start:end], content_type)
    part.status_code = 206
    part.headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
    return part


def _info(attachment: Attachment, number: int) -> dict[str, object]:
    return {
        "CompressedMD5": attachment.compressed_md5 or attachment.md5,
        "CompressedSize": _compressed_size(attachment),
        "ContentType": number,
        "UncompressedMD5": attachment.md5,
        "UncompressedSize": attachment.size,
        "Uuid": attachment.uuid,
    }


def _compressed_size(attachment: Attachment) -> int:
    return attachment.size if attachment.compressed_size is None else attachment.compressed_size


_SHOWN: dict[str, Shown] = {
    "data": _data,
    "compressed-data": _compressed_data,
    "size": lambda _s, _a, _n, attachment: text_response(str(attachment.size)),
    "compressed-size": lambda _s, _a, _n, attachment: text_response(str(_compressed_size(attachment))),
    "md5": lambda _s, _a, _n, attachment: text_response(attachment.md5),
    "compressed-md5": lambda _s, _a, _n, attachment: text_response(
        attachment.compressed_md5 or attachment.md5
    ),
    "is-compressed": lambda _s, _a, _n, attachment: text_response(str(int(attachment.is_compressed))),
    "info": lambda _s, _a, number, attachment: json_response(_info(attachment, number)),
}
