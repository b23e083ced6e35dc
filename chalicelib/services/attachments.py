"""Attachments: the DICOM file of an instance, and what users attach to resources of any level.

The body is stored under a key of its own before the row names it: a crash between leaves one that the sweep finds. It
is removed after the row has forgotten it.
"""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.domain.annotations import Annotations, Attachment
from chalicelib.domain.changes import ChangeType
from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance, StoredFile
from chalicelib.services.annotate import Annotate, Row
from chalicelib.services.annotation_names import DICOM, Names
from chalicelib.services.metadata import IS_MISSING
from chalicelib.services.revisions import Revision, check
from chalicelib.storage.s3.files import FileStore

OCTETS = "application/octet-stream"


def revision_of(attachment: Attachment) -> Revision:
    """The revision of an attachment."""
    return Revision(attachment.revision, attachment.md5)


@dataclass(frozen=True, slots=True)
class Attachments:
    """Reads and changes attachments. Reading one costs the row, and a GET where its bytes are asked for."""

    annotate: Annotate
    files: FileStore
    clock: Clock
    names: Names
    content_types: Mapping[int, str]
    check_revisions: bool

    def all(self, level: Level, identifier: str) -> dict[str, int]:
        """The attachments of a resource: name to number, in the order of the numbers."""
        row = self.annotate.row(level, identifier)
        numbers = sorted([DICOM] * isinstance(row, Instance) + [*row.annotations.attachments])
        return {self.names.name(number): number for number in numbers}

    def get(self, level: Level, identifier: str, name: str) -> tuple[int, Attachment]:
        """An attachment and its number.

        Raises
        ------
        UnknownResource, InexistentItem
            There is no such resource, attachment or name.
        """
        number = self.names.number(name)
        row = self.annotate.row(level, identifier)
        if number == DICOM and isinstance(row, Instance):
            return number, self._of_file(row.file)
        attachment = row.annotations.attachments.get(number)
        if attachment is None:
            raise UnknownResource
        return number, attachment

    def content_type(self, number: int) -> str:
        """The media type of an attachment's bytes."""
        return "application/dicom" if number == DICOM else self.content_types.get(number, OCTETS)

    def data(self, attachment: Attachment) -> bytes:
        """The bytes of an attachment. One GET."""
        return self.files.get(attachment.key)

    def compressed_data(self, attachment: Attachment) -> bytes:
        """The bytes as they are if compressed, which is the same as `data` unless that was asked for."""
        data = self.data(attachment)
        return _compress(data) if attachment.is_compressed else data

    def url(self, number: int, attachment: Attachment) -> str:
        """A URL at which the bytes can be had for five minutes. No call."""
        return self.files.presigned_get(attachment.key, attachment.uuid, self.content_type(number))

    def put(
        self, level: Level, identifier: str, name: str, data: bytes, known: Revision | None
    ) -> Attachment:
        """Attach bytes, or replace those that are attached.

        Raises
        ------
        Forbidden
            The name is the store's own.
        BadRevision
            What is attached is not what the client knows.
        UnknownResource
            There is no such resource.
        """
        number = self.names.user_number(name)
        self.annotate.row(level, identifier)  # before the bytes are stored for nothing
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        stored = self.files.name(identifier, str(uuid.uuid4()), self.clock())
        self.files.put_body(stored.key, data, md5, self.content_type(number))

        def edit(row: Row) -> Annotations:
            there = row.annotations.attachments.get(number)
            check(revision_of(there) if there else None, known, is_required=self.check_revisions)
            new = Attachment(stored.key, stored.uuid, len(data), md5, there.revision + 1 if there else 0)
            return row.annotations.with_attachment(number, new)

        try:
            written = self.annotate.change(level, identifier, edit, ChangeType.UPDATED_ATTACHMENT)
        except Exception:
            self._remove_if_unused(level, identifier, stored.key)
            raise
        return written.attachments[number]

    def delete(self, level: Level, identifier: str, name: str, known: Revision | None) -> None:
        """Remove an attachment; raises as `put` does."""
        number = self.names.user_number(name)

        def edit(row: Row) -> Annotations:
            there = row.annotations.attachments.get(number)
            if there is None:
                raise UnknownResource
            check(revision_of(there), known, is_required=self.check_revisions, details=IS_MISSING)
            return row.annotations.with_attachment(number, None)

        self.annotate.change(level, identifier, edit, ChangeType.UPDATED_ATTACHMENT)

    def compress(self, level: Level, identifier: str, name: str, *, is_wanted: bool) -> None:
        """Have an attachment shown as compressed or not; the bytes in the bucket stay as they are.

        The DICOM file of an instance stays as it came.
        """
        number, attachment = self.get(level, identifier, name)
        if number == DICOM or attachment.is_compressed == is_wanted:
            return
        data = _compress(self.data(attachment)) if is_wanted else b""
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest() if is_wanted else ""

        def edit(row: Row) -> Annotations:
            there = row.annotations.attachments.get(number)
            if there is None or there.key != attachment.key:
                return row.annotations  # replaced meanwhile
            new = replace(there, compressed_size=len(data) if is_wanted else None, compressed_md5=md5)
            return row.annotations.with_attachment(number, new)

        self.annotate.change(level, identifier, edit, ChangeType.UPDATED_ATTACHMENT)

    def is_intact(self, level: Level, identifier: str, name: str) -> bool:
        """Whether the bytes of an attachment still have the MD5 that they had."""
        _, attachment = self.get(level, identifier, name)
        return hashlib.md5(self.data(attachment), usedforsecurity=False).hexdigest() == attachment.md5

    def _of_file(self, file: StoredFile) -> Attachment:
        """The file of an instance; its MD5 is computed where S3 received it in parts."""
        md5 = file.md5
        if not md5:
            digest = hashlib.md5(usedforsecurity=False)
            for piece in self.files.pieces(file.key):
                digest.update(piece)
            md5 = digest.hexdigest()
        return Attachment(file.key, file.uuid, file.size, md5)

    def _remove_if_unused(self, level: Level, identifier: str, key: str) -> None:
        """Remove a body that no row names; if its row cannot be read, the sweep finds it."""
        try:
            row = self.annotate.row(level, identifier)
        except UnknownResource:
            self.files.delete([key])
            return
        if key not in row.annotations.file_keys:
            self.files.delete([key])


def _compress(data: bytes) -> bytes:
    """Orthanc's `ZlibWithSize`: the size in 8 bytes, little endian, and the zlib stream."""
    return len(data).to_bytes(8, "little") + (zlib.compress(data) if data else b"")
