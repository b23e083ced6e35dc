"""What jobs have to remember and what is too large for their items.

Keys: ``{tenant}/archives/{job}/{name}.json``. They expire with a rule of the bucket.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.storage.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_DELETE_KEYS = 1000  # DeleteObjects, S3 limit


class JobNotes:
    """Keeps JSON for jobs."""

    def __init__(self, client: S3Client, bucket: str, tenant: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{tenant}/archives/"

    def put(self, job_id: str, name: str, value: Any) -> None:
        """Remember something."""
        self.put_bytes(job_id, name, json.dumps(value, separators=(",", ":")).encode())

    def put_bytes(self, job_id: str, name: str, data: bytes) -> None:
        """Remember bytes."""
        with translated():
            self._client.put_object(Bucket=self._bucket, Key=self._key(job_id, name), Body=data)

    def get(self, job_id: str, name: str) -> Any:
        """What was remembered; raises `InexistentItem` if nothing was."""
        return json.loads(self.get_bytes(job_id, name))

    def get_bytes(self, job_id: str, name: str) -> bytes:
        """The bytes that were remembered; raises as `get` does."""
        with translated():
            return self._client.get_object(Bucket=self._bucket, Key=self._key(job_id, name))["Body"].read()

    def remove(self, job_id: str, names: Sequence[str]) -> None:
        """Forget what was remembered."""
        for start in range(0, len(names), MAX_DELETE_KEYS):
            keys = [{"Key": self._key(job_id, name)} for name in names[start : start + MAX_DELETE_KEYS]]
            with translated():
                self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})  # type: ignore[typeddict-item]  # the stubs want other names for plain dictionaries

    def _key(self, job_id: str, name: str) -> str:
        return f"{self._prefix}{job_id}/{name}.json"
