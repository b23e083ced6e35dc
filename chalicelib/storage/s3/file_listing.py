"""What lies in the bucket of files, whatever the index says of it: walked, looked at, set aside.

A file that is set aside moves from ``{tenant}/files/...`` to ``{tenant}/aside/...``, the rest of its key unchanged. S3
removes it a month later, unless somebody wants it back by then.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from chalicelib.domain.errors import InexistentItem
from chalicelib.storage.s3.annotation_copies import SUFFIX
from chalicelib.storage.s3.errors import translated
from chalicelib.storage.s3.files import FileStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILES, ASIDE = "files", "aside"
_KEY = re.compile(r"(\d{10})/([0-9a-f]{8}(?:-[0-9a-f]{8}){4})\.([0-9a-f-]{36})" + f"(?:{re.escape(SUFFIX)})?")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of the bucket. `hour`, `owner_id` and `uuid` are empty if its key is none that the store makes.

    `modified` is when it was put (seconds since the epoch), `size` is in bytes.
    """

    key: str
    size: int
    etag: str
    modified: float
    hour: str = ""
    owner_id: str = ""
    uuid: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else put it there."""
        return not self.owner_id

    @property
    def is_annotation_copy(self) -> bool:
        """Whether it is a copy of annotations."""
        return self.key.endswith(SUFFIX)


class FileListing:
    """Walks the files of one tenant."""

    def __init__(self, client: S3Client, bucket: str, tenant: str, files: FileStore) -> None:
        self._client = client
        self._bucket = bucket
        self._tenant = tenant
        self._files = files

    def of_hour(self, at: float, after: str = "") -> Iterator[StoredObject]:
        """What was put in the hour of `at`, in the order of the keys, behind the key `after`. A call per thousand."""
        return self._walk(f"{self._prefix(FILES)}{hour_of(at)}/", after)

    def walk(self, after: str = "") -> Iterator[StoredObject]:
        """All files, hour after hour, behind the key `after`. A call per thousand."""
        return self._walk(self._prefix(FILES), after)

    def aside(self) -> Iterator[StoredObject]:
        """What was set aside. A call per thousand."""
        return self._walk(self._prefix(ASIDE), "")

    def is_empty(self) -> bool:
        """Whether there is no file at all. One call."""
        return next(self._walk(self._prefix(FILES), "", page=1), None) is None

    def find(self, key: str) -> StoredObject | None:
        """An object, or None. One call."""
        try:
            with translated():
                found: Any = self._client.head_object(Bucket=self._bucket, Key=key)
        except InexistentItem:
            return None
        return self._object(key, found["ContentLength"], found)

    def set_aside(self, objects: list[StoredObject], pool: Executor) -> None:
        """Move files out of the way. Safe to repeat; two calls for each, and one per thousand."""
        self._move(objects, FILES, ASIDE, pool)

    def bring_back(self, objects: list[StoredObject], pool: Executor) -> None:
        """Move files back to where they were. Safe to repeat."""
        self._move(objects, ASIDE, FILES, pool)

    def _move(self, objects: list[StoredObject], source: str, target: str, pool: Executor) -> None:
        def copy(one: StoredObject) -> None:
            rest = one.key.removeprefix(self._prefix(source))
            self._files.copy(one.key, one.etag, one.size, f"{self._prefix(target)}{rest}")

        list(pool.map(copy, objects))
        self._files.delete([one.key for one in objects])

    def _walk(self, prefix: str, after: str, page: int = 1000) -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, StartAfter=after, PaginationConfig={"PageSize": page}
        )
        with translated():
            for found in pages:
                for entry in found.get("Contents", []):
                    yield self._object(entry["Key"], entry["Size"], entry)

    def _object(self, key: str, size: int, answer: Any) -> StoredObject:
        modified = cast(datetime, answer["LastModified"]).timestamp()
        rest = key.removeprefix(self._prefix(FILES)).removeprefix(self._prefix(ASIDE))
        name = _KEY.fullmatch(rest)
        parts = name.groups() if name else ()
        return StoredObject(key, size, answer["ETag"], modified, *parts)

    def _prefix(self, folder: str) -> str:
        return f"{self._tenant}/{folder}/"


def hour_of(at: float) -> str:
    """The hour (UTC) of a time, as keys have it."""
    return time.strftime("%Y%m%d%H", time.gmtime(at))
