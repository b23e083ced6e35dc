"""Worklist files in the bucket of files, below ``{tenant}/worklists/``. Others put them there and take them away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.storage.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER = "worklists"


class WorklistObjects:
    """Lists and reads them."""

    def __init__(self, client: S3Client, bucket: str, tenant: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{tenant}/{FOLDER}/"

    def list(self) -> Iterator[tuple[str, str, int]]:
        """Key, version and size of each object, in the order of the keys; a call per thousand. Raises `Unavailable`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        with translated():
            for page in pages:
                for entry in page.get("Contents", []):
                    yield entry["Key"], entry["ETag"], entry["Size"]

    def read(self, key: str) -> bytes:
        """An object.

        Raises
        ------
        InexistentItem
            It is gone.
        Unavailable
            S3 does not answer.
        """
        with translated():
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
