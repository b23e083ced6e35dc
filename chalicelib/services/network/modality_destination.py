"""A remote modality as jobs store at it (PS3.4, annex B)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.domain.modalities import Remote
from chalicelib.domain.resources import Instance
from chalicelib.services.network.dicom_out import MoveOriginator
from chalicelib.services.network.sending import Sending
from chalicelib.services.network.store_work import PERMISSIVE, Attempt

TYPE = "DicomModalityStore"


def arguments(remote: Remote, originator: MoveOriginator, *, is_permissive: bool) -> dict[str, Any]:
    """What the job needs, but for the instances."""
    return {"remote": asdict(remote), "originator": asdict(originator), PERMISSIVE: is_permissive}


@dataclass(frozen=True, slots=True)
class ModalityDestination:
    """A remote modality, and who asked."""

    sending: Sending
    remote: Remote
    originator: MoveOriginator

    @classmethod
    def of(cls, sending: Sending, job_arguments: Mapping[str, Any]) -> ModalityDestination:
        """That of a job."""
        return cls(sending, Remote(**job_arguments["remote"]), MoveOriginator(**job_arguments["originator"]))

    @property
    def name(self) -> str:
        """Its symbolic name."""
        return self.remote.name

    def send(self, instances: Sequence[Instance]) -> Iterator[Attempt]:
        """Send instances by one association after the other."""
        for instance, error in self.sending.send(self.remote, instances, self.originator):
            yield Attempt(instance, error)
