"""Send instances to a remote modality, each once as far as anybody can see (PS3.4, annex B)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

from chalicelib.domain.errors import NacreError, NetworkProtocol, NoPresentationContext
from chalicelib.domain.modalities import Remote
from chalicelib.domain.resources import Instance
from chalicelib.services.network.dicom_out import (
    NOBODY,
    DicomOut,
    Kind,
    MoveOriginator,
    Outgoing,
    StoreAssociation,
)
from chalicelib.services.network.spool import Spool
from chalicelib.services.transcoding import MAXIMUM_BYTES, Transcoding

MAX_KINDS = 40
"""Of one association: each takes a presentation context, and one more for each SOP class; there may be 128."""

MAX_FAILURES = 3
"""Associations in a row that could not be opened; then the files that are left are not tried one by one."""

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"


def kind_of(instance: Instance) -> Kind:
    """The SOP class and the transfer syntax of an instance's file."""
    metadata = instance.metadata
    return metadata.get("SopClassUid", ""), metadata.get("TransferSyntax", IMPLICIT_VR_LITTLE_ENDIAN)


class Sending:
    """Sends."""

    def __init__(self, out: DicomOut, transcoding: Transcoding, spool: Spool) -> None:
        self._out = out
        self._transcoding = transcoding
        self._spool = spool

    def send(
        self, remote: Remote, instances: Sequence[Instance], originator: MoveOriginator
    ) -> Iterator[tuple[Instance, NacreError | None]]:
        """Send instances one after the other; gives each, with why it was not sent.

        An association that breaks is opened anew for the next instance.
        """
        with closing(_Line(self._out, remote, map(kind_of, instances))) as line:
            yield from self._send(line, instances, originator, transcodes=remote.allow_transcoding)

    def send_by(
        self, association: StoreAssociation, instances: Sequence[Instance], originator: MoveOriginator
    ) -> Iterator[tuple[Instance, NacreError | None]]:
        """As `send`, by an association that is there."""
        return self._send(_Given(association), instances, originator, transcodes=True)

    def _send(
        self,
        line: _Line | _Given,
        instances: Sequence[Instance],
        originator: MoveOriginator,
        *,
        transcodes: bool,
    ) -> Iterator[tuple[Instance, NacreError | None]]:
        with closing(self._spool.fetched(instances)) as files:
            for instance, fetched in files:
                try:
                    path, kind = fetched.result(), kind_of(instance)
                    file = Outgoing(path, kind[0], instance.sop_instance_uid, kind[1])
                    self._send_one(line.association(kind), file, originator, transcodes=transcodes)
                    path.unlink()
                except NetworkProtocol as error:
                    line.close()
                    yield instance, error
                except NacreError as error:
                    yield instance, error
                else:
                    yield instance, None

    def send_file(self, remote: Remote, data: bytes, kind: Kind, sop_instance_uid: str) -> None:
        """Send a file that is not in the store.

        Raises
        ------
        NetworkProtocol
            It could not be sent.
        """
        with self._spool.folder() as folder:
            path = folder / "file"
            path.write_bytes(data)
            file = Outgoing(path, kind[0], sop_instance_uid, kind[1])
            with self._out.storing(remote, {kind}) as association:
                self._send_one(association, file, NOBODY, transcodes=remote.allow_transcoding)

    def _send_one(
        self, association: StoreAssociation, file: Outgoing, originator: MoveOriginator, *, transcodes: bool
    ) -> None:
        if not association.accepts((file.sop_class_uid, file.transfer_syntax)):
            others = association.alternatives(file.sop_class_uid) if transcodes else []
            file = self._transcoded(file, others, association.aet)
        association.store(file, originator)

    def _transcoded(self, file: Outgoing, syntaxes: Sequence[str], aet: str) -> Outgoing:
        """A file in a transfer syntax that the peer takes, in its place."""
        for syntax in syntaxes:
            if file.path.stat().st_size <= MAXIMUM_BYTES:
                converted = self._transcoding.target(syntax, None).convert(file.path.read_bytes())
                if converted is not None:
                    file.path.write_bytes(converted.file)
                    return replace(file, transfer_syntax=syntax, sop_instance_uid=converted.sop_instance_uid)
        raise NoPresentationContext(f'Unable to negotiate a presentation context with AET "{aet}"')


class _Given:
    """An association that somebody else opened."""

    def __init__(self, association: StoreAssociation) -> None:
        self._association = association

    def association(self, _kind: Kind) -> StoreAssociation:
        """It."""
        return self._association

    def close(self) -> None:
        """It is not ours to end."""


class _Line:
    """An association that is opened when it is needed, for the kinds of files that are to come."""

    def __init__(self, out: DicomOut, remote: Remote, kinds: Iterable[Kind]) -> None:
        self._out = out
        self._remote = remote
        self._kinds = list(dict.fromkeys(kinds))
        self._stack = ExitStack()
        self._open: tuple[frozenset[Kind], StoreAssociation] | None = None
        self._failures: list[NetworkProtocol] = []

    def association(self, kind: Kind) -> StoreAssociation:
        """One that was opened for a kind of files, among others; raises `NetworkProtocol`."""
        if self._open is None or kind not in self._open[0]:
            self.close()
            start = self._kinds.index(kind) // MAX_KINDS * MAX_KINDS
            self._open = self._opened(frozenset(self._kinds[start : start + MAX_KINDS]))
        return self._open[1]

    def _opened(self, kinds: frozenset[Kind]) -> tuple[frozenset[Kind], StoreAssociation]:
        if len(self._failures) >= MAX_FAILURES:
            raise self._failures[-1]
        try:
            association = self._stack.enter_context(self._out.storing(self._remote, kinds))
        except NetworkProtocol as error:
            self._failures.append(error)
            raise
        self._failures.clear()
        return kinds, association

    def close(self) -> None:
        """End it."""
        self._open = None
        self._stack.close()
