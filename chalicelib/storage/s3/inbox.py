"""The inbox bucket: objects that others put there, moved and removed without their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.domain.errors import InexistentItem
from chalicelib.storage.s3.errors import translated
from chalicelib.storage.s3.files import FileStore
from chalicelib.storage.s3.ranged import RangedObject, RangedObjects, Version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REJECTED_PREFIX = "rejected/"
LIST_PAGE = 1000  # ListObjectsV2, S3 limit


class InboxBucket:
    """Reads, moves and removes the objects of the inbox."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._client = client
        self._objects = RangedObjects(client, bucket)
        self._rejects = FileStore(client, bucket, "")
        self.bucket = bucket
        self.prefix = prefix

    def holds(self, bucket: str, key: str) -> bool:
        """Whether an object is one to be taken in: folders and what was rejected are not."""
        here = bucket == self.bucket and key.startswith(self.prefix)
        return here and not key.endswith("/") and not key.startswith(REJECTED_PREFIX)

    def open(self, key: str) -> RangedObject | None:
        """The object as it is now, or None. One GET, of its first block."""
        return self._objects.open(key)

    def remove(self, version: Version) -> None:
        """Remove an object, unless another one has taken its place."""
        try:
            with translated():
                self._client.delete_object(Bucket=self.bucket, Key=version.key, IfMatch=version.etag)
        except InexistentItem:
            return

    def reject(self, version: Version, reason: bytes) -> None:
        """Copy an object to `rejected/`, under the rest of its name, with the reason (JSON) beside it."""
        target = f"{REJECTED_PREFIX}{version.key.removeprefix(self.prefix)}"
        self._rejects.adopt(self.bucket, version.key, version.etag, version.size, target)
        with translated():
            self._client.put_object(
                Bucket=self.bucket, Key=f"{target}.reason.json", Body=reason, ContentType="application/json"
            )

    def keys_before(self, time: float) -> Iterator[str]:
        """Objects that were put before `time` (seconds since the epoch): one page of the listing."""
        with translated():
            answer = self._client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=LIST_PAGE)
        for entry in answer.get("Contents", []):
            if entry["LastModified"].timestamp() < time and self.holds(self.bucket, entry["Key"]):
                yield entry["Key"]
