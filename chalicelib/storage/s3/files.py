"""The bucket of stored DICOM files and attachments. Every file has a key of its own, never written twice.

Key: ``{tenant}/files/{hour}/{id}.{uuid}``, of the resource that owns the file. `hour` (``YYYYMMDDHH``, UTC) lets a
sweep find the files of one hour. One prefix takes 3,500 writes a second (S3's guideline), more than the changes log
has numbers for; identifiers are digests, so that S3 can split it evenly for reading.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from chalicelib.domain.errors import Unavailable
from chalicelib.storage.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

MAX_DELETE_KEYS = 1000  # DeleteObjects, S3 limit
MAX_COPY_BYTES = 5 * 1024**3  # CopyObject, S3 limit; larger objects are copied in parts
PART_BYTES = 512 * 1024**2
PIECE_BYTES = 1024**2
STREAM_PART_BYTES = 16 * 1024**2  # times 10,000 parts: streams of up to 160 GB


@dataclass(frozen=True, slots=True)
class FileName:
    """The parts of a stored file's key."""

    key: str
    uuid: str
    owner_id: str


class FileStore:
    """Puts, reads and deletes stored files."""

    def __init__(self, client: S3Client, bucket: str, tenant: str) -> None:
        self._client = client
        self._tenant = tenant
        self.bucket = bucket

    def name(self, owner_id: str, uuid: str, at: float) -> FileName:
        """The name for a new file of a resource, stored at `at` (seconds since the epoch)."""
        key = f"{self._hour_prefix(at)}{owner_id}.{uuid}"
        return FileName(key, uuid, owner_id)

    def put(self, key: str, data: bytes, md5: str) -> None:
        """Store a whole file, whose MD5 (hex) S3 compares with what it got; returns once S3 has it."""
        with translated():
            self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=data,
                ContentType="application/dicom",
                ContentMD5=b64encode(bytes.fromhex(md5)).decode("ascii"),
            )

    def put_stream(self, key: str, source: BinaryIO) -> None:
        """Store what a stream gives, in parts, with one part in memory at a time."""
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(use_threads=False, multipart_chunksize=STREAM_PART_BYTES)
        with translated():
            self._client.upload_fileobj(
                source, self.bucket, key, ExtraArgs={"ContentType": "application/dicom"}, Config=config
            )

    def put_body(self, key: str, data: bytes, md5: str, content_type: str) -> None:
        """Store the body of an attachment, as `put` does a file."""
        with translated():
            self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                ContentMD5=b64encode(bytes.fromhex(md5)).decode("ascii"),
            )

    def get(self, key: str) -> bytes:
        """A whole file.

        Raises
        ------
        InexistentItem
            The bucket has no such file.
        """
        with translated():
            return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def pieces(self, key: str) -> Iterator[bytes]:
        """A whole file, in pieces; raises as `get` does."""
        with translated():
            yield from self._client.get_object(Bucket=self.bucket, Key=key)["Body"].iter_chunks(PIECE_BYTES)

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to, not including, `end` (which may lie behind the file's end)."""
        with translated():
            answer = self._client.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={start}-{end - 1}")
            return answer["Body"].read()

    def presigned_get(self, key: str, file_name: str, content_type: str, seconds: int = 300) -> str:
        """A URL that serves the file under a name and a type for some seconds."""
        parameters = {
            "Bucket": self.bucket,
            "Key": key,
            "ResponseContentType": content_type,
            "ResponseContentDisposition": f'filename="{file_name}"',
        }
        return self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)

    def adopt(self, source_bucket: str, source_key: str, etag: str, size: int, key: str) -> None:
        """Copy an object of another bucket into the store, inside S3, if it still has this ETag."""
        source: CopySourceTypeDef = {"Bucket": source_bucket, "Key": source_key}
        with translated():
            if size <= MAX_COPY_BYTES:
                self._client.copy_object(
                    Bucket=self.bucket,
                    Key=key,
                    CopySource=source,
                    CopySourceIfMatch=etag,
                    ContentType="application/dicom",
                    MetadataDirective="REPLACE",
                )
                return
            self._adopt_in_parts(source, etag, size, key)

    def copy(self, source_key: str, etag: str, size: int, key: str) -> None:
        """Copy a file of this bucket to another key, as it is, if it still has this ETag."""
        source: CopySourceTypeDef = {"Bucket": self.bucket, "Key": source_key}
        with translated():
            if size <= MAX_COPY_BYTES:
                self._client.copy_object(
                    Bucket=self.bucket, Key=key, CopySource=source, CopySourceIfMatch=etag
                )
                return
            self._adopt_in_parts(source, etag, size, key)

    def _adopt_in_parts(self, source: CopySourceTypeDef, etag: str, size: int, key: str) -> None:
        upload = self._client.create_multipart_upload(
            Bucket=self.bucket, Key=key, ContentType="application/dicom"
        )["UploadId"]
        parts = []
        for part, start in enumerate(range(0, size, PART_BYTES), start=1):
            answer = self._client.upload_part_copy(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload,
                PartNumber=part,
                CopySource=f"{source['Bucket']}/{source['Key']}",
                CopySourceIfMatch=etag,
                CopySourceRange=f"bytes={start}-{min(start + PART_BYTES, size) - 1}",
            )
            parts.append({"PartNumber": part, "ETag": answer["CopyPartResult"]["ETag"]})
        self._client.complete_multipart_upload(
            Bucket=self.bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]  # the stubs want other names for plain dictionaries
        )

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files; those that are not there do not matter. One call per thousand."""
        for start in range(0, len(keys), MAX_DELETE_KEYS):
            page = keys[start : start + MAX_DELETE_KEYS]
            with translated():
                answer = self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": [{"Key": k} for k in page], "Quiet": True}
                )
            if answer.get("Errors"):
                raise Unavailable("The bucket did not delete all files")

    def _hour_prefix(self, at: float) -> str:
        hour = time.strftime("%Y%m%d%H", time.gmtime(at))
        return f"{self._tenant}/files/{hour}/"
