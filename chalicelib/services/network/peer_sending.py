"""Send instances to a peer over HTTP, and ask it things."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import NacreError, NetworkProtocol
from chalicelib.domain.resources import Instance
from chalicelib.services.network.peer_client import Answer, HttpOptions, PeerClient
from chalicelib.services.network.spool import Spool
from chalicelib.services.network.store_work import Attempt
from chalicelib.services.peers import Peers
from chalicelib.services.transcoding import MAXIMUM_BYTES, Transcoding

INSTANCES = "instances"
GZIP_LEVEL = 6


class PeerSending:
    """Sends and asks. A peer is looked up by its name each time, so that no job holds a password."""

    def __init__(
        self, peers: Peers, options: HttpOptions, transcoding: Transcoding, spool: Spool, clock: Clock
    ) -> None:
        self._peers = peers
        self._options = options
        self._transcoding = transcoding
        self._spool = spool
        self._clock = clock

    def send(self, how: PeerDestination, instances: Sequence[Instance]) -> Iterator[Attempt]:
        """Send instances one after the other; gives each.

        Raises
        ------
        UnknownResource
            No peer has this name any more.
        NetworkProtocol
            Its certificates cannot be used.
        """
        with (
            closing(self.client(how.name, how.timeout_seconds)) as client,
            closing(self._spool.fetched(instances)) as files,
        ):
            for instance, fetched in files:
                size = 0
                try:
                    path = self._prepared(fetched.result(), how)
                    size = path.stat().st_size
                    with path.open("rb") as file:
                        answer = client.post(INSTANCES, file, size, is_gzip=how.compresses)
                    path.unlink()
                    _check(answer)
                except NacreError as error:
                    yield Attempt(instance, error, size)
                else:
                    yield Attempt(instance, None, size)

    def straight(self, name: str, file: bytes) -> bytes:
        """Send a file that is not in the store; gives the answer.

        Raises
        ------
        UnknownResource
            No peer has this name.
        NetworkProtocol
            The peer cannot be reached, or refuses.
        """
        with closing(self.client(name)) as client:
            answer = client.post(INSTANCES, BytesIO(file), len(file))
        if not answer.is_success:
            raise NetworkProtocol(f"Cannot send DICOM to remote peer: {name}")
        return answer.body

    def system(self, name: str) -> bytes:
        """What a peer says of itself; raises as `straight`."""
        with closing(self.client(name)) as client:
            answer = client.get("system")
        _check(answer)
        return answer.body

    def client(self, name: str, timeout_seconds: int = 0) -> PeerClient:
        """A client of a peer; raises as `send`."""
        return PeerClient(self._peers.get(name), self._options, self._clock, timeout_seconds)

    def _prepared(self, path: Path, how: PeerDestination) -> Path:
        """A file as it is to go, in the place of what was fetched."""
        if how.transcode and path.stat().st_size <= MAXIMUM_BYTES:
            # What cannot be had in the transfer syntax goes as it is, as in Orthanc.
            converted = self._transcoding.target(how.transcode, how.quality).convert(path.read_bytes())
            if converted is not None:
                path.write_bytes(converted.file)
        if not how.compresses:
            return path
        packed = path.with_suffix(".gz")
        with (
            path.open("rb") as plain,
            packed.open("wb") as raw,
            gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as target,
        ):
            shutil.copyfileobj(plain, target)
        path.unlink()
        return packed


@dataclass(frozen=True, slots=True)
class PeerDestination:
    """A peer by its symbolic name, and how files go there.

    `transcode` is a transfer syntax, or empty; `quality` of None and a timeout of 0 are those of the store.
    """

    sending: PeerSending
    name: str
    compresses: bool = False
    transcode: str = ""
    quality: int | None = None
    timeout_seconds: int = 0

    @classmethod
    def of(cls, sending: PeerSending, job_arguments: Mapping[str, Any]) -> PeerDestination:
        """That of a job."""
        return cls(sending, **job_arguments["peer"])

    def send(self, instances: Sequence[Instance]) -> Iterator[Attempt]:
        """Send instances over kept connections."""
        return self.sending.send(self, instances)

    def conclude(self) -> None:
        """Nothing follows."""


def _check(answer: Answer) -> None:
    if not answer.is_success:
        raise NetworkProtocol(f"The peer answered with HTTP status {answer.status}")
