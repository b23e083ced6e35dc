"""A remote modality as jobs store at it (PS3.4, annex B)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.domain.modalities import Remote
from chalicelib.domain.resources import Instance
from chalicelib.services.network.dicom_out import MoveOriginator
from chalicelib.services.network.sending import Sending
from chalicelib.services.network.store_work import PERMISSIVE, Attempt

TYPE = "DicomModalityStore"

Commit = Callable[[Remote, str], None]
"""Asks for the storage commitment of a transaction."""


def arguments(
    remote: Remote, originator: MoveOriginator, *, is_permissive: bool, transaction_uid: str = ""
) -> dict[str, Any]:
    """What the job needs, but for the instances; `transaction_uid` is that of the storage commitment that follows."""
    return {
        "remote": asdict(remote),
        "originator": asdict(originator),
        PERMISSIVE: is_permissive,
        "transaction_uid": transaction_uid,
    }


@dataclass(frozen=True, slots=True)
class ModalityDestination:
    """A remote modality, and who asked; with the transaction of the storage commitment that is to follow, if any."""

    sending: Sending
    commit: Commit
    remote: Remote
    originator: MoveOriginator
    transaction_uid: str

    @classmethod
    def of(cls, sending: Sending, commit: Commit, job_arguments: Mapping[str, Any]) -> ModalityDestination:
        """That of a job."""
        return cls(
            sending,
            commit,
            Remote(**job_arguments["remote"]),
            MoveOriginator(**job_arguments["originator"]),
            job_arguments.get("transaction_uid", ""),
        )

    @property
    def name(self) -> str:
        """Its symbolic name."""
        return self.remote.name

    def send(self, instances: Sequence[Instance]) -> Iterator[Attempt]:
        """Send instances by one association after the other."""
        for instance, error in self.sending.send(self.remote, instances, self.originator):
            yield Attempt(instance, error)

    def conclude(self) -> None:
        """Ask for storage commitment, if that was wanted; raises `NetworkProtocol`."""
        if self.transaction_uid:
            self.commit(self.remote, self.transaction_uid)
