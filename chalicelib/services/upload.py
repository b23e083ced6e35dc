"""Store what comes in the body of a request: a DICOM file, or a ZIP archive of them, as it is or by gzip."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import Executor
from io import BytesIO

from chalicelib.domain.errors import BadFileFormat, BadRequest, InexistentTag, PayloadTooLarge
from chalicelib.domain.outcomes import Outcome, Refused, Stored
from chalicelib.services.archives import Archive, Entry, is_archive
from chalicelib.services.ingest import Ingest

MAX_INFLATION = 50
MAX_INFLATED_BYTES = 2 * 1024**3
MAX_GZIP_MEMBERS = 100
HINT = "Ask POST /nacre/uploads for a URL to which larger files can be uploaded"


class Upload:
    """Stores the bodies of requests."""

    def __init__(self, ingest: Ingest, pool: Executor, maximum_bytes: int) -> None:
        self._ingest = ingest
        self._pool = pool
        self._maximum_bytes = maximum_bytes
        self._maximum_inflated_bytes = min(MAX_INFLATION * maximum_bytes, MAX_INFLATED_BYTES)

    def inflate(self, body: bytes, content_encoding: str) -> bytes:
        """The body without its content encoding: gzip is undone, anything else left alone, as Orthanc does.

        Raises
        ------
        BadFileFormat
            It is not gzip, or cut off.
        PayloadTooLarge
            It is larger than `MaximumUploadBytes`, or inflates to too much.
        """
        if len(body) > self._maximum_bytes:
            raise PayloadTooLarge(f"The body is larger than {self._maximum_bytes} bytes. {HINT}")
        if not body or content_encoding.strip().lower() != "gzip":
            return body
        return gunzip(body, self._maximum_inflated_bytes)

    def store(self, data: bytes, origin: dict[str, str]) -> Stored | list[Outcome]:
        """Store a DICOM file, or each file of a ZIP archive (then a list, in the archive's order).

        Parameters
        ----------
        data
            The file or the archive.
        origin
            Where it came from, see `chalicelib.services.origins`.

        Raises
        ------
        BadFileFormat
            It is neither.
        PayloadTooLarge
            The archive has too many files, or inflates to too much.
        """
        if not data:
            raise BadFileFormat("Received an empty DICOM file")
        if not is_archive(data):
            return self._ingest.store(data, origin)
        archive = Archive(BytesIO(data), len(data), self._maximum_inflated_bytes)
        outcomes: list[Outcome] = []
        for batch in archive.batches():
            outcomes += self._pool.map(lambda entry: self._store_entry(archive, entry, origin), batch)
        return outcomes

    def _store_entry(self, archive: Archive, entry: Entry, origin: dict[str, str]) -> Outcome:
        return outcome_of(lambda: self._ingest.store(archive.read(entry), origin))


def outcome_of(store: Callable[[], Stored]) -> Outcome:
    """What storing a file comes to; that it is not DICOM is an answer too, that AWS is away is not."""
    try:
        return store()
    except (BadRequest, InexistentTag) as error:
        return Refused.by(error)


def gunzip(data: bytes, maximum_bytes: int) -> bytes:
    """Inflate gzip (RFC 1952, of several members too), never to more than `maximum_bytes`.

    Raises
    ------
    BadFileFormat
        It is not gzip, or cut off.
    PayloadTooLarge
        It inflates to more.
    """
    pieces: list[bytes] = []
    left = maximum_bytes
    for _ in range(MAX_GZIP_MEMBERS):
        inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            piece = inflater.decompress(data, left + 1)
        except zlib.error as error:
            raise BadFileFormat("The body is not gzip") from error
        left -= len(piece)
        if left < 0:
            raise PayloadTooLarge(f"The body inflates to more than {maximum_bytes} bytes. {HINT}")
        if not inflater.eof:
            raise BadFileFormat("The gzip data is cut off")
        pieces.append(piece)
        data = inflater.unused_data
        if not data:
            return b"".join(pieces)
    raise BadFileFormat("The gzip data has too many members")
