"""What users add to a resource: labels, metadata, attachments; and the protection of patients."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

MAXIMUM_LABELS = 32
MAXIMUM_NUMBERS = 16
FIRST_USER_NUMBER = 1024
LAST_USER_NUMBER = 65535


@dataclass(frozen=True, slots=True)
class Value:
    """The value of user-defined metadata; `revision` counts its changes from 0.

    Bytes of it that are not UTF-8 are lone surrogates in `text` (PEP 383).
    """

    text: str
    revision: int = 0

    @classmethod
    def of(cls, data: bytes, revision: int = 0) -> Value:
        """The value that a client gives."""
        return cls(data.decode(errors="surrogateescape"), revision)

    @property
    def data(self) -> bytes:
        """The value as the client gave it."""
        return self.text.encode(errors="surrogateescape")

    @property
    def shown(self) -> str:
        """The value in JSON, which has to be UTF-8."""
        return self.data.decode(errors="replace")

    @property
    def md5(self) -> str:
        """The MD5 of the value, in hex: half of its ETag."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment, whose body lies in the bucket; sizes in bytes.

    `compressed_size` and `compressed_md5` are those of its compressed form, if it was asked to be compressed.
    """

    key: str
    uuid: str
    size: int
    md5: str
    revision: int = 0
    compressed_size: int | None = None
    compressed_md5: str = ""

    @property
    def is_compressed(self) -> bool:
        """Whether it was asked to be compressed."""
        return self.compressed_size is not None


@dataclass(frozen=True, slots=True)
class Annotations:
    """All that users added to one resource. Metadata and attachments are kept by their numbers (1024 to 65535).

    `version` counts the changes of all of it; `numbers` are those of its last entries in the changes log. `copy` is the
    key of the copy of all this in the bucket, empty where none was ever written.
    """

    version: int = 0
    labels: tuple[str, ...] = ()
    metadata: Mapping[int, Value] = field(default_factory=dict)
    attachments: Mapping[int, Attachment] = field(default_factory=dict)
    is_protected: bool = False
    numbers: tuple[int, ...] = ()
    copy: str = ""

    @property
    def file_keys(self) -> list[str]:
        """Where the bodies of the attachments lie, and the copy."""
        return [attachment.key for attachment in self.attachments.values()] + [self.copy] * bool(self.copy)

    def with_label(self, label: str) -> Annotations:
        """With a label more."""
        return replace(self, labels=tuple(sorted({*self.labels, label})))

    def without_label(self, label: str) -> Annotations:
        """Without a label."""
        return replace(self, labels=tuple(one for one in self.labels if one != label))

    def with_value(self, number: int, value: Value | None) -> Annotations:
        """With another value of metadata, or without one."""
        rest = {n: v for n, v in self.metadata.items() if n != number}
        return replace(self, metadata=rest if value is None else {**rest, number: value})

    def with_attachment(self, number: int, attachment: Attachment | None) -> Annotations:
        """With another attachment, or without one."""
        rest = {n: a for n, a in self.attachments.items() if n != number}
        return replace(self, attachments=rest if attachment is None else {**rest, number: attachment})


NONE = Annotations()
"""Those of a resource that nobody annotated."""
