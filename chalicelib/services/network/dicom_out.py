"""What the jobs need of a process that speaks DICOM; the container has it (`dicom_listener.scu`), Lambda has not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

from chalicelib.domain.errors import InternalError
from chalicelib.domain.modalities import Remote


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A DICOM file on its way out: in this folder of the process, with what its data set is."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class MoveOriginator:
    """Who asked for a C-STORE by a C-MOVE (PS3.7, section 9.1.1.1); an empty AE title if nobody did."""

    aet: str = ""
    message_id: int = 0


NOBODY = MoveOriginator()

Kind = tuple[str, str]
"""A SOP class and a transfer syntax."""


class Reference(NamedTuple):
    """An instance as storage commitment names it."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """What a node keeps of what another asked about; of the others, why not (PS3.3, section C.14.1.1)."""

    transaction_uid: str
    success: Sequence[Reference]
    failures: Sequence[tuple[Reference, int]]


class StoreAssociation(Protocol):
    """An association by which files can be stored at a remote modality."""

    @property
    def aet(self) -> str:
        """The modality's AE title."""

    def accepts(self, kind: Kind) -> bool:
        """Whether files of a kind can be sent as they are."""

    def alternatives(self, sop_class_uid: str) -> list[str]:
        """The other transfer syntaxes in which the peer takes a SOP class."""

    def store(self, file: Outgoing, originator: MoveOriginator) -> None:
        """Send a file; returns when the peer has it.

        Raises
        ------
        NetworkProtocol
            It refused, or is gone.
        """


class DicomOut(Protocol):
    """Asks things of remote modalities. All raise `NetworkProtocol` if one cannot be reached, refuses, or fails."""

    def echo(self, remote: Remote, *, checks_find: bool = False) -> None:
        """C-ECHO; and a C-FIND that finds nothing, which raises `DicomFindUnavailable` where none is taken."""

    def storing(self, remote: Remote, kinds: Collection[Kind]) -> AbstractContextManager[StoreAssociation]:
        """An association for files of these kinds; of each SOP class in uncompressed transfer syntaxes as well."""

    def find(self, remote: Remote, model: str, identifier: bytes) -> Iterator[bytes]:
        """C-FIND: the identifiers of the answers. All data sets in Explicit VR Little Endian."""

    def move(self, remote: Remote, model: str, identifier: bytes, target_aet: str) -> None:
        """C-MOVE, to its end."""

    def get(self, remote: Remote, model: str, identifier: bytes, store: Callable[[Path, str], None]) -> None:
        """C-GET, to its end; `store` gets each file that comes, with its SOP Instance UID.

        A file for which it raises a `NacreError` is refused.
        """

    def report(self, remote: Remote, report: CommitmentReport) -> None:
        """N-EVENT-REPORT of storage commitment."""

    def commit(self, remote: Remote, transaction_uid: str, references: Sequence[Reference]) -> None:
        """N-ACTION of storage commitment: the request; a report comes later."""


class NoDicom:
    """Of a process that speaks no DICOM: everything raises `InternalError`."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise InternalError("This process speaks no DICOM")

    echo = storing = find = move = get = report = commit = _refuse
