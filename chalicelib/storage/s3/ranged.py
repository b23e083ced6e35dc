"""Objects read by ranges: as much of each as is needed, each version by itself."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from chalicelib.domain.errors import InexistentItem, ParameterOutOfRange
from chalicelib.storage.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FIRST_BLOCK_BYTES = 256 * 1024
MAX_BLOCK_BYTES = 8 * 1024**2


@dataclass(frozen=True, slots=True)
class Version:
    """What an object was when it was opened. A later object of the same key and content differs by its time."""

    key: str
    etag: str
    size: int
    modified: float
    etag_is_md5: bool
    content_type: str = ""

    def __str__(self) -> str:
        return f"{self.etag}@{self.modified:.0f}"

    @property
    def md5(self) -> str:
        """The MD5 sum (hex), or an empty text if S3 does not know it (ETags of multipart uploads are none)."""
        return self.etag.strip('"') if self.etag_is_md5 else ""


class RangedObject(io.RawIOBase):
    """One version of an object as a seekable stream: ranged GETs of blocks that grow while it is read on."""

    def __init__(self, client: S3Client, bucket: str, version: Version, head: bytes) -> None:
        self.version = version
        self.head = head
        self._client = client
        self._bucket = bucket
        self._block = head
        self._block_start = 0
        self._next_bytes = 2 * FIRST_BLOCK_BYTES
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer only at the object's end.

        Raises
        ------
        InexistentItem
            The object has been removed or replaced.
        """
        end = self.version.size if size < 0 else min(self._position + size, self.version.size)
        if end <= self._position:
            return b""
        if not self._block_start <= self._position <= end <= self._block_end:
            self._load(end)
        start = self._position - self._block_start
        self._position = end
        return self._block[start : end - self._block_start]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, which may lie behind the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.version.size}[whence]
        if base + offset < 0:
            raise OSError("Before the beginning")  # as files do, which zipfile counts on
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    @property
    def _block_end(self) -> int:
        return self._block_start + len(self._block)

    def _load(self, end: int) -> None:
        """Hold a block from the position on, at least up to `end`; what is held of it already is not read again."""
        held = b""
        if self._block_start <= self._position <= self._block_end:
            held = self._block[self._position - self._block_start :]
            self._next_bytes = min(2 * self._next_bytes, MAX_BLOCK_BYTES)
        else:
            self._next_bytes = FIRST_BLOCK_BYTES
        start = self._position + len(held)
        stop = min(max(end, start + self._next_bytes), self.version.size)
        with translated():
            answer = self._client.get_object(
                Bucket=self._bucket,
                Key=self.version.key,
                Range=f"bytes={start}-{stop - 1}",
                IfMatch=self.version.etag,
            )
            self._block = held + answer["Body"].read()
        self._block_start = self._position


class RangedObjects:
    """Opens the objects of a bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def open(self, key: str) -> RangedObject | None:
        """The object as it is now, or None. One GET, of its first block."""
        whole = f"bytes=0-{FIRST_BLOCK_BYTES - 1}"
        try:
            with translated():
                answer: Any = self._client.get_object(Bucket=self._bucket, Key=key, Range=whole)
                head = answer["Body"].read()
                size = int(answer["ContentRange"].rsplit("/", 1)[1])
        except InexistentItem:
            return None
        except ParameterOutOfRange:  # a range of an empty object
            return self._open_empty(key)
        return RangedObject(self._client, self._bucket, _version(key, size, answer), head)

    def _open_empty(self, key: str) -> RangedObject | None:
        try:
            with translated():
                answer: Any = self._client.head_object(Bucket=self._bucket, Key=key)
        except InexistentItem:
            return None
        version = _version(key, answer["ContentLength"], answer)
        return RangedObject(self._client, self._bucket, version, b"")


def _version(key: str, size: int, answer: dict[str, Any]) -> Version:
    etag: str = answer["ETag"]
    modified = cast(datetime, answer["LastModified"]).timestamp()
    # Under KMS and customers' keys an ETag looks like an MD5 sum and is none (S3 API reference, "Object").
    sealed = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
    is_md5 = not sealed and re.fullmatch('"?[0-9a-f]{32}"?', etag) is not None
    return Version(key, etag, size, modified, is_md5, answer.get("ContentType", ""))


def as_stream(source: RangedObject) -> BinaryIO:
    """The object for what reads binary streams."""
    return cast(BinaryIO, source)
