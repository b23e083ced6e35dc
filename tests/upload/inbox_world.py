"""A store with objects in its inbox."""

from __future__ import annotations

from typing import Any

from tests.support.world import World

PREFIX = "inbox/"


def put(world: World, name: str, data: bytes, **more: Any) -> str:
    """Put an object under the inbox's prefix; returns its key."""
    key = f"{PREFIX}{name}"
    world.s3.put_object(Bucket=world.resources.inbox, Key=key, Body=data, **more)
    return key


def put_in_parts(world: World, name: str, data: bytes) -> str:
    """Put an object by a multipart upload, so that its ETag is no MD5 sum."""
    key = f"{PREFIX}{name}"
    place = {"Bucket": world.resources.inbox, "Key": key}
    upload = {**place, "UploadId": world.s3.create_multipart_upload(**place)["UploadId"]}
    etag = world.s3.upload_part(**upload, PartNumber=1, Body=data)["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    world.s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    return key


def objects(world: World) -> list[str]:
    """The keys in the inbox bucket."""
    listed = world.s3.list_objects_v2(Bucket=world.resources.inbox)
    return [entry["Key"] for entry in listed.get("Contents", [])]


def changes(world: World) -> list[str]:
    """The types of the changes that a reader sees."""
    world.clock.advance(100)
    page = world.services.changes.page(0, 1000)
    return [change.type for change in page.changes]
