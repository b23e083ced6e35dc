"""URLs by which others put objects straight into the inbox bucket: one PUT, or a multipart upload."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from chalicelib.storage.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class DirectUploads:
    """Signs uploads into one bucket. What a URL is signed for (key, size, MD5) S3 holds its user to."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_url(self, key: str, size: int, md5: str, seconds: int) -> str:
        """A URL for one PUT; `size` (bytes, 0 for any) and `md5` (hex, may be empty) bind it. No call."""
        parameters: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        if size:
            parameters["ContentLength"] = size
        if md5:
            parameters["ContentMD5"] = content_md5(md5)
        return self._client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=seconds)

    def part_url(self, key: str, multipart_id: str, part: int, size: int, seconds: int) -> str:
        """A URL for one part (from 1) of a multipart upload, of `size` bytes. No call."""
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "UploadId": multipart_id,
            "PartNumber": part,
            "ContentLength": size,
        }
        return self._client.generate_presigned_url("upload_part", Params=parameters, ExpiresIn=seconds)

    def begin(self, key: str) -> str:
        """Begin a multipart upload; returns its identifier."""
        with translated():
            return self._client.create_multipart_upload(Bucket=self._bucket, Key=key)["UploadId"]

    def parts(self, key: str, multipart_id: str) -> list[tuple[int, str, int]]:
        """The parts that have arrived: number, ETag, size in bytes. One call per thousand.

        Raises
        ------
        InexistentItem
            The upload has been completed or given up.
        """
        found = []
        paginator = self._client.get_paginator("list_parts")
        with translated():
            for page in paginator.paginate(Bucket=self._bucket, Key=key, UploadId=multipart_id):
                found += [(p["PartNumber"], p["ETag"], p["Size"]) for p in page.get("Parts", [])]
        return found

    def complete(self, key: str, multipart_id: str, parts: list[tuple[int, str, int]]) -> None:
        """Make an object of the parts."""
        chosen: Any = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag, _ in parts]}
        with translated():
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=multipart_id, MultipartUpload=chosen
            )

    def abort(self, key: str, multipart_id: str) -> None:
        """Give a multipart upload up, with the parts that have arrived."""
        with translated():
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=multipart_id)

    def remove(self, key: str) -> None:
        """Remove the object, if it is there."""
        with translated():
            self._client.delete_object(Bucket=self._bucket, Key=key)


def content_md5(md5: str) -> str:
    """The value of a `Content-MD5` header (RFC 1864), from hex."""
    return b64encode(bytes.fromhex(md5)).decode("ascii")
