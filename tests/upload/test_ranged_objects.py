"""Objects of any size are read by ranges, in bounded memory, and copied inside S3."""

from __future__ import annotations

import io
import re
import struct
import tracemalloc
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InexistentItem
from chalicelib.services.inbox import Inbox
from chalicelib.services.ingest import Overwrite
from chalicelib.storage.dynamodb.intakes import Intakes
from chalicelib.storage.s3.files import FileStore
from chalicelib.storage.s3.inbox import InboxBucket
from chalicelib.storage.s3.ranged import FIRST_BLOCK_BYTES, RangedObject
from infra.load.recorder import InlineExecutor
from tests.support.local_world import local_world

KEY = "inbox/huge"


class HugeBucket:
    """Stands for the bucket with one object: a beginning, and zeros up to its size. Records what is asked."""

    def __init__(self, beginning: bytes, size: int) -> None:
        self.beginning = beginning
        self.size = size
        self.etag = '"d41d8cd98f00b204e9800998ecf8427e-9"'
        self.ranges: list[tuple[int, int]] = []
        self.calls: list[str] = []

    def get_object(self, **request: Any) -> dict[str, Any]:
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request["Range"])
        assert found is not None
        start, end = int(found[1]), min(int(found[2]) + 1, self.size)
        self.ranges.append((start, end))
        body = self.beginning[start:end]
        return {
            "Body": io.BytesIO(body + bytes(end - start - len(body))),
            "ContentRange": f"bytes {start}-{end - 1}/{self.size}",
            "ETag": self.etag,
            "LastModified": datetime.fromtimestamp(1, UTC),
        }

    def __getattr__(self, name: str) -> Any:
        return lambda **request: (self.calls.append(name), _ANSWERS.get(name, {}))[1]


_ANSWERS: dict[str, Any] = {
    "create_multipart_upload": {"UploadId": "1"},
    "upload_part_copy": {"CopyPartResult": {"ETag": "1"}},
}


@given(st.binary(max_size=3_000), st.data())
def test_reading_by_ranges_is_reading(content: bytes, data: st.DataObject) -> None:
    bucket = HugeBucket(content, len(content) + 2 * FIRST_BLOCK_BYTES)
    whole = content + bytes(2 * FIRST_BLOCK_BYTES)
    source = InboxBucket(bucket, "b", "inbox/").open(KEY)  # type: ignore[arg-type]
    assert isinstance(source, RangedObject)
    plain = io.BytesIO(whole)
    for _ in range(data.draw(st.integers(1, 12))):
        if data.draw(st.booleans()):
            position = data.draw(st.integers(0, len(whole) + 10))
            assert source.seek(position) == plain.seek(position)
        size = data.draw(st.sampled_from([0, 1, 100, FIRST_BLOCK_BYTES - 1, FIRST_BLOCK_BYTES + 1, -1]))
        assert source.read(size) == plain.read(size)
        assert source.tell() == plain.tell()


def test_what_is_read_in_order_is_asked_for_once() -> None:
    bucket = HugeBucket(b"", 40_000_000)
    source = InboxBucket(bucket, "b", "inbox/").open(KEY)  # type: ignore[arg-type]
    assert source is not None
    while source.read(70_000):
        pass
    assert [start for start, _ in bucket.ranges] == [0, *(end for _, end in bucket.ranges[:-1])]
    assert len(bucket.ranges) < 12


def test_a_file_of_2_gb_is_taken_in_without_its_bytes() -> None:
    size = 2 * 1024**3 + 132
    bucket = HugeBucket(_header_with_pixels(size), size)
    with local_world() as world:
        inbox = _inbox(world, bucket, Overwrite.NEVER)
        tracemalloc.start()
        try:
            inbox.take(KEY)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 32_000_000  # what is imported meanwhile included
        assert sum(end - start for start, end in bucket.ranges) <= 4 * FIRST_BLOCK_BYTES
        assert bucket.calls == ["copy_object", "delete_object"]
        assert inbox.lookup(KEY).outcomes


def test_the_sum_of_a_large_file_takes_bounded_memory() -> None:
    size = 200 * 1024**2
    bucket = HugeBucket(_header_with_pixels(size), size)
    with local_world() as world:
        inbox = _inbox(world, bucket, Overwrite.IF_CHANGED)
        tracemalloc.start()
        try:
            inbox.take(KEY)
            assert tracemalloc.get_traced_memory()[1] < 48_000_000
        finally:
            tracemalloc.stop()
        assert max(end - start for start, end in bucket.ranges) <= 8 * 1024**2


def test_more_than_5_gb_are_copied_in_parts() -> None:
    size = 6 * 1024**3
    # An element is 4 GB at most; more is encapsulated, or several elements behind the pixel data.
    bucket = HugeBucket(_header_with_pixels(4 * 1024**3 - 10), size)
    with local_world() as world:
        _inbox(world, bucket, Overwrite.NEVER).take(KEY)
    parts = ["create_multipart_upload", *["upload_part_copy"] * 12, "complete_multipart_upload"]
    assert bucket.calls[:14] == parts


def test_a_header_without_end_is_rejected_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.services.inbox.MAX_HEADER_BYTES", 3_000_000)
    size = 2 * 1024**3
    private = b"\x09\x00\x10\x10UN\0\0" + struct.pack("<I", size - 1000)
    bucket = HugeBucket(_meta() + private, size)
    with local_world() as world:
        inbox = _inbox(world, bucket, Overwrite.NEVER)
        inbox.take(KEY)
        assert inbox.lookup(KEY).refusal is not None
        assert sum(end - start for start, end in bucket.ranges) < 8_000_000


def test_a_replaced_object_is_not_read_on() -> None:
    with local_world() as world:
        world.s3.put_object(Bucket=world.resources.inbox, Key=KEY, Body=bytes(FIRST_BLOCK_BYTES + 1))
        source = InboxBucket(world.s3, world.resources.inbox, "inbox/").open(KEY)
        assert source is not None
        world.s3.put_object(Bucket=world.resources.inbox, Key=KEY, Body=b"other")
        with pytest.raises(InexistentItem):
            source.read()


@pytest.mark.parametrize(
    ("etag", "more", "md5"),
    [
        ('"5d41402abc4b2a76b9719d911017c592"', {}, "5d41402abc4b2a76b9719d911017c592"),
        ('"5d41402abc4b2a76b9719d911017c592"', {"ServerSideEncryption": "aws:kms"}, ""),
        ('"5d41402abc4b2a76b9719d911017c592"', {"SSECustomerAlgorithm": "AES256"}, ""),
        ('"5d41402abc4b2a76b9719d911017c592-2"', {}, ""),
    ],
)
def test_an_etag_is_a_sum_only_where_s3_says_so(etag: str, more: dict[str, str], md5: str) -> None:
    bucket = HugeBucket(b"x", 1)
    bucket.etag = etag
    client = SimpleNamespace(get_object=lambda **request: bucket.get_object(**request) | more)
    source = InboxBucket(client, "b", "inbox/").open(KEY)  # type: ignore[arg-type]
    assert source is not None
    assert source.version.md5 == md5


def _inbox(world: Any, bucket: Any, overwrite: Overwrite) -> Inbox:
    services = world.services
    index = services.reading._index
    return Inbox(
        services.ingest,
        InboxBucket(bucket, "inbox", "inbox/"),
        FileStore(bucket, "files", "default"),
        Intakes(index.table, index.keys, world.clock),
        InlineExecutor(),
        world.clock,
        overwrite=overwrite,
        default_encoding=lambda: "Latin1",
    )


def _meta() -> bytes:
    syntax = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    return bytes(128) + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(syntax)) + syntax


def _header_with_pixels(size: int) -> bytes:
    """The beginning of an image whose pixel data fills the rest of `size` bytes."""
    texts = {0x00080016: "1.2.3", 0x00080018: "1.2.4", 0x0020000D: "1.2.5", 0x0020000E: "1.2.6"}
    elements = b""
    for tag, uid in texts.items():
        value = uid.encode().ljust(6, b"\0")
        elements += struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"UI", len(value)) + value
    beginning = _meta() + elements
    length = size - len(beginning) - 12
    return beginning + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, length - length % 2)
