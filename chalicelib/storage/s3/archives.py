"""Archives in the bucket, written in parts.

Keys: ``{tenant}/archives/{job}/archive.zip`` and other names. They expire with a rule of the bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from chalicelib.domain.errors import InexistentItem
from chalicelib.storage.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ZIP = "application/zip"


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
