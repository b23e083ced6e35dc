"""Archives in the bucket: written in parts, and what a build has to remember meanwhile.

Keys: ``{tenant}/archives/{job}/archive.zip`` and ``.../{name}.json``. They expire with a rule of the bucket.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import InexistentItem
from chalicelib.storage.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ZIP = "application/zip"
MAX_DELETE_KEYS = 1000  # DeleteObjects, S3 limit


class ArchiveFiles:
    """Writes archives."""

    def __init__(self, client: S3Client, bucket: str, tenant: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{tenant}/archives/"

    def key(self, job_id: str) -> str:
        """Where a job's archive lies once it is whole."""
        return f"{self._prefix}{job_id}/archive.zip"

    def begin(self, job_id: str) -> str:
        """Begin to write in parts; returns the upload's identifier."""
        with translated():
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=self.key(job_id), ContentType=ZIP
            )
        return answer["UploadId"]

    def put_part(self, job_id: str, upload: str, number: int, data: bytes) -> str:
        """Write the `number`-th part (from 1), or write it again; at least 5 MiB but for the last. Returns its ETag."""
        with translated():
            answer = self._client.upload_part(
                Bucket=self._bucket, Key=self.key(job_id), UploadId=upload, PartNumber=number, Body=data
            )
        return answer["ETag"]

    def finish(self, job_id: str, upload: str, etags: Sequence[str]) -> None:
        """Put the parts together. Until then nobody sees any of it."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]
        with translated():
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=self.key(job_id),
                UploadId=upload,
                MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]  # the stubs want other names for plain dictionaries
            )

    def abort(self, job_id: str, upload: str) -> None:
        """Forget what was written; safe to repeat."""
        with suppress(InexistentItem), translated():
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self.key(job_id), UploadId=upload)

    def size(self, job_id: str) -> int | None:
        """The size of a job's archive in bytes; None as long as it is not whole."""
        try:
            with translated():
                return self._client.head_object(Bucket=self._bucket, Key=self.key(job_id))["ContentLength"]
        except InexistentItem:
            return None

    def remove(self, job_id: str) -> None:
        """Remove a job's archive, if there is one."""
        with translated():
            self._client.delete_object(Bucket=self._bucket, Key=self.key(job_id))

    def put_file(self, job_id: str, name: str, data: bytes) -> str:
        """Keep a file for a while; returns its key."""
        key = f"{self._prefix}{job_id}/{name}"
        with translated():
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data)
        return key

    def put_note(self, job_id: str, name: str, value: Any) -> None:
        """Remember something of a build, as JSON."""
        body = json.dumps(value, separators=(",", ":")).encode()
        with translated():
            self._client.put_object(Bucket=self._bucket, Key=self._note(job_id, name), Body=body)

    def get_note(self, job_id: str, name: str) -> Any:
        """What was remembered; raises `InexistentItem` if nothing was."""
        with translated():
            return json.loads(
                self._client.get_object(Bucket=self._bucket, Key=self._note(job_id, name))["Body"].read()
            )

    def remove_notes(self, job_id: str, names: Sequence[str]) -> None:
        """Forget what was remembered."""
        for start in range(0, len(names), MAX_DELETE_KEYS):
            keys = [{"Key": self._note(job_id, name)} for name in names[start : start + MAX_DELETE_KEYS]]
            with translated():
                self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})  # type: ignore[typeddict-item]  # the stubs want other names for plain dictionaries

    def _note(self, job_id: str, name: str) -> str:
        return f"{self._prefix}{job_id}/{name}.json"
