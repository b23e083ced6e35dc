"""Copies of annotations in the bucket, beside the files: what a rebuild of the index needs to bring them back.

A change writes its copy before the index names it, under a key of its own, so that a lost race can only leave a copy
that nobody names. Key: that of a stored file, and ``.annotations``. Content: JSON.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, replace

import msgspec

from chalicelib.domain.annotations import Annotations
from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.levels import Level
from chalicelib.storage.s3.files import FileStore

SUFFIX = ".annotations"
CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class AnnotationCopy:
    """The annotations of a resource at one time: `at`, in seconds since the epoch.

    `incarnation` is that of the resource, of an instance that of its series: what was deleted and stored again has
    another one, and versions are compared only within one.
    """

    level: Level
    id: str
    incarnation: str
    at: float
    annotations: Annotations


class AnnotationCopies:
    """Writes and reads copies."""

    def __init__(self, files: FileStore, clock: Clock) -> None:
        self._files = files
        self._clock = clock

    def key(self, owner_id: str) -> str:
        """The key for a new copy. No call."""
        return self._files.name(owner_id, str(uuid.uuid4()), self._clock()).key + SUFFIX

    def put(self, level: Level, owner_id: str, incarnation: str, annotations: Annotations) -> None:
        """Store a copy under the key that the annotations name. Numbers of the changes log are left out."""
        copy = AnnotationCopy(
            level, owner_id, incarnation, self._clock(), replace(annotations, numbers=(), copy="")
        )
        # The standard library's JSON keeps lone surrogates, as values that are not UTF-8 have them.
        body = json.dumps(msgspec.to_builtins(copy, str_keys=True)).encode()
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        self._files.put_body(annotations.copy, body, md5, CONTENT_TYPE)

    def get(self, key: str) -> AnnotationCopy:
        """A copy.

        Raises
        ------
        InexistentItem
            There is none.
        BadRequest
            The object is none.
        """
        try:
            return msgspec.convert(json.loads(self._files.get(key)), AnnotationCopy, str_keys=True)
        except (ValueError, RecursionError) as error:
            raise BadRequest("The object is no copy of annotations") from error

    def delete(self, keys: list[str]) -> None:
        """Remove copies, or whatever else nobody names any more."""
        self._files.delete(keys)
