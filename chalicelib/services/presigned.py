"""Uploads beyond the gateway's size: the client puts the bytes into the inbox, and asks what became of them."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from math import ceil

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import BadRequest, InexistentItem, ParameterOutOfRange, UnknownResource
from chalicelib.domain.outcomes import Intake
from chalicelib.services.inbox import uploads_prefix
from chalicelib.storage.dynamodb.intakes import Intakes, PendingUpload
from chalicelib.storage.s3.direct_uploads import DirectUploads, content_md5

SINGLE_BYTES = 100 * 1024**2
PART_BYTES = 64 * 1024**2
MAX_PARTS = 1000
MAX_UPLOAD_BYTES = 64 * 1024**3
EXPIRES_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Part:
    """One PUT to be made: its number, from 1, its URL and its size in bytes (0: any)."""

    number: int
    url: str
    size: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a client needs to upload: one PUT with these headers, or, if `is_multipart`, one for each part."""

    id: str
    expires: float
    parts: tuple[Part, ...]
    headers: dict[str, str]
    is_multipart: bool


class PresignedUploads:
    """Hands out URLs for uploads into the inbox. Who knows an upload's identifier may upload, ask and abort."""

    def __init__(
        self, uploads: DirectUploads, intakes: Intakes, clock: Clock, *, inbox_prefix: str, tenant: str
    ) -> None:
        self._uploads = uploads
        self._intakes = intakes
        self._clock = clock
        self._prefix = f"{uploads_prefix(inbox_prefix)}{tenant}/"

    def begin(self, size: int | None, md5: str, origin: dict[str, str]) -> Ticket:
        """Prepare an upload of a DICOM file or a ZIP archive.

        Parameters
        ----------
        size
            Its bytes, to which S3 then holds the client; None if not known, for one PUT of at most 5 GB.
        md5
            Its MD5 sum (hex), which S3 then checks; may be empty. Not for more than 100 MB.
        origin
            Where the request came from.

        Raises
        ------
        ParameterOutOfRange
            The size is not between 1 byte and 64 GB, or the MD5 sum is none.
        """
        if size is not None and not 1 <= size <= MAX_UPLOAD_BYTES:
            raise ParameterOutOfRange(f"Size must be between 1 and {MAX_UPLOAD_BYTES}")
        if md5 and not re.fullmatch("[0-9a-f]{32}", md5):
            raise ParameterOutOfRange("Md5 must be 32 hexadecimal digits")
        identifier = secrets.token_hex(16)
        if size is None or size <= SINGLE_BYTES:
            return self._begin_single(identifier, size or 0, md5, origin)
        if md5:
            raise ParameterOutOfRange(f"S3 checks no Md5 of more than {SINGLE_BYTES} bytes")
        return self._begin_multipart(identifier, size, origin)

    def status(self, identifier: str) -> Intake | None:
        """What became of an upload; None while nothing has.

        Raises
        ------
        UnknownResource
            There is no such upload, or it was a week ago.
        """
        intake, upload = self._intakes.find(self._key(identifier))
        if upload is None:
            raise UnknownResource
        return intake

    def complete(self, identifier: str) -> None:
        """Put the parts of a multipart upload together, which brings it into the inbox. Safe to repeat.

        Raises
        ------
        BadRequest
            Parts are missing.
        UnknownResource
            There is no such upload.
        """
        key = self._key(identifier)
        upload = self._pending(key)
        if not upload.multipart_id:
            raise BadRequest("The upload has no parts")
        try:
            parts = self._uploads.parts(key, upload.multipart_id)
        except InexistentItem:
            return  # completed before
        if sum(size for _, _, size in parts) != upload.size:
            raise BadRequest("Parts are missing, or have other sizes than were asked for")
        self._uploads.complete(key, upload.multipart_id, parts)

    def abort(self, identifier: str) -> None:
        """Forget an upload; what has arrived of it, and is not in the store yet, is removed.

        Raises
        ------
        UnknownResource
            There is no such upload.
        """
        key = self._key(identifier)
        upload = self._pending(key)
        if upload.multipart_id:
            with suppress(InexistentItem):  # completed before: then its object goes
                self._uploads.abort(key, upload.multipart_id)
        self._uploads.remove(key)
        self._intakes.end_upload(key)

    def _begin_single(self, identifier: str, size: int, md5: str, origin: dict[str, str]) -> Ticket:
        key = self._key(identifier)
        self._intakes.begin_upload(key, PendingUpload(size, origin))
        url = self._uploads.put_url(key, size, md5, EXPIRES_SECONDS)
        headers = {"Content-MD5": content_md5(md5)} if md5 else {}
        return Ticket(identifier, self._expires(), (Part(1, url, size),), headers, is_multipart=False)

    def _begin_multipart(self, identifier: str, size: int, origin: dict[str, str]) -> Ticket:
        key = self._key(identifier)
        part_bytes = max(PART_BYTES, ceil(size / MAX_PARTS))
        multipart_id = self._uploads.begin(key)
        self._intakes.begin_upload(key, PendingUpload(size, origin, multipart_id))
        parts = []
        for number, start in enumerate(range(0, size, part_bytes), start=1):
            length = min(part_bytes, size - start)
            url = self._uploads.part_url(key, multipart_id, number, length, EXPIRES_SECONDS)
            parts.append(Part(number, url, length))
        return Ticket(identifier, self._expires(), tuple(parts), {}, is_multipart=True)

    def _pending(self, key: str) -> PendingUpload:
        upload = self._intakes.upload(key)
        if upload is None:
            raise UnknownResource
        return upload

    def _key(self, identifier: str) -> str:
        if not re.fullmatch("[0-9a-f]{32}", identifier):
            raise UnknownResource
        return f"{self._prefix}{identifier}"

    def _expires(self) -> float:
        return self._clock() + EXPIRES_SECONDS
