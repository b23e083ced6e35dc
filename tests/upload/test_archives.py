"""ZIP archives and gzip within bounds, whatever the bytes are."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import BadFileFormat, NacreError, PayloadTooLarge
from chalicelib.services import archives
from chalicelib.services.archives import Archive, is_archive
from chalicelib.services.bounded import BoundedReader
from chalicelib.services.upload import MAX_GZIP_MEMBERS, gunzip
from tests.upload.files import archive

GIGABYTE = 1024**3


def opened(data: bytes, limit: int = GIGABYTE) -> Archive:
    return Archive(io.BytesIO(data), len(data), limit)


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_every_file_is_given_once_in_order(contents: list[bytes]) -> None:
    data = archive(*((f"d/{n}", content) for n, content in enumerate(contents)), ("d/empty/", b""))
    assert is_archive(data)
    found = opened(data)
    assert [found.read(entry) for batch in found.batches() for entry in batch] == contents


def test_batches_hold_what_fits_into_memory_and_skip_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "BATCH_BYTES", 100)
    monkeypatch.setattr(archives, "BATCH_ENTRIES", 3)
    data = archive(*((str(n), b"x" * size) for n, size in enumerate([40, 40, 40, 500, 1, 1, 1, 1, 1])))
    batches = [[entry.position for entry in batch] for batch in opened(data).batches(skip={4})]
    assert batches == [[0, 1], [2], [3], [5, 6, 7], [8]]


def test_an_archive_that_inflates_to_too_much_is_refused_before_it_is_inflated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archives, "ANY_RATIO_BYTES", 30_000_000)
    data = archive(*((str(n), bytes(5_000_000)) for n in range(8)))
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge, match="in total"):
            opened(data, limit=39_999_999)
        with pytest.raises(PayloadTooLarge, match="200 times"):
            opened(data)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_an_empty_image_may_inflate_by_any_ratio() -> None:
    data = archive(("blank", bytes(5_000_000)))
    assert archives.MAX_RATIO * len(data) < 5_000_000
    found = opened(data)
    assert len(found.read(found.entries[0])) == 5_000_000


def test_a_file_larger_than_it_says_is_not_inflated_further() -> None:
    data = bytearray(archive(("bomb", bytes(10_000_000))))
    directory = data.rindex(b"PK\1\2")
    data[directory + 24 : directory + 28] = struct.pack("<I", 1000)
    found = opened(bytes(data))
    with pytest.raises(BadFileFormat):
        found.read(found.entries[0])


def test_files_that_share_their_bytes_count_each() -> None:
    """The bomb without recursion has many entries that point at one kernel."""
    data = archive(("kernel", bytes(10_000_000)))
    directory, end = data.rindex(b"PK\1\2"), data.rindex(b"PK\5\6")
    many = data[directory:end] * 200
    trailer = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 200, 200, len(many), directory, 0)
    with pytest.raises(PayloadTooLarge):
        opened(data[:directory] + many + trailer)


def test_too_many_files_are_refused() -> None:
    with pytest.raises(PayloadTooLarge, match="10000 files"):
        opened(archive(*((str(n), b"") for n in range(10_001)), compression=zipfile.ZIP_STORED))


def test_a_directory_of_millions_of_files_is_not_read() -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    many = entry * 200_000
    data = many + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(many), 0, 0)
    with pytest.raises(BadFileFormat, match="too long"):
        opened(data)


def test_an_encrypted_file_cannot_be_read() -> None:
    data = bytearray(archive(("secret", b"x" * 100)))
    data[data.rindex(b"PK\1\2") + 8] |= 1
    data[6] |= 1
    found = opened(bytes(data))
    with pytest.raises(BadFileFormat):
        found.read(found.entries[0])


def test_damaged_archives_raise_the_stores_errors_only() -> None:
    chance = random.Random(1)
    whole = archive(*((str(n), chance.randbytes(300) + bytes(300)) for n in range(5)))
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        damaged = bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
        try:
            found = opened(damaged)
        except NacreError:
            continue
        for entry in found.entries:
            try:
                found.read(entry)
            except NacreError:
                continue


@given(st.lists(st.binary(max_size=500), min_size=1, max_size=5))
def test_gzip_of_several_members_is_their_sum(pieces: list[bytes]) -> None:
    packed = b"".join(gzip.compress(piece) for piece in pieces)
    assert gunzip(packed, 2500) == b"".join(pieces)


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d[:-9], lambda d: d[:5], lambda d: d + b"x"])
def test_damaged_gzip_is_refused(damage: object) -> None:
    packed = gzip.compress(b"some text" * 100)
    with pytest.raises(BadFileFormat):
        gunzip(damage(packed), 10_000)  # type: ignore[operator]


def test_a_gzip_bomb_is_refused_at_the_bound() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge, match="1000000 bytes"):
            gunzip(bomb, 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_gzip_of_endless_members_is_refused() -> None:
    with pytest.raises(BadFileFormat, match="members"):
        gunzip(gzip.compress(b"") * (MAX_GZIP_MEMBERS + 1), 1000)


def test_a_bounded_reader_gives_up_to_its_limit_until_it_is_lifted() -> None:
    reader = BoundedReader(io.BytesIO(bytes(100)), 10)
    assert len(reader.read(4)) == 4
    reader.seek(98)
    assert len(reader.read()) == 2
    reader.seek(0)
    assert len(reader.read(4)) == 4
    with pytest.raises(BadFileFormat):
        reader.read(1)
    reader.seek(0)
    reader.lift()
    assert len(reader.read()) == 100
