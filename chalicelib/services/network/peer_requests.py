"""Questions to peers whose answers a client waits for: the container asks them, by jobs nobody sees."""

from __future__ import annotations

from typing import Any

import msgspec

from chalicelib.domain.errors import NetworkProtocol
from chalicelib.domain.jobs import Job
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.network.asking import FILE, Asking
from chalicelib.services.network.peer_sending import PeerSending
from chalicelib.services.peers import Peers
from chalicelib.storage.s3.notes import JobNotes

TYPE = "PeerRequest"
ANSWER = "answer"
SYSTEM = "system"
STORE = "store"


class PeerRequestWork:
    """Asks."""

    type = TYPE

    def __init__(self, sending: PeerSending, notes: JobNotes) -> None:
        self._sending = sending
        self._notes = notes

    def run(self, run: JobRun) -> None:
        """Ask, and keep the answer."""
        name = run.job.arguments["name"]
        with run.kept_alive():
            if run.job.arguments["operation"] == SYSTEM:
                answer = self._sending.system(name)
            else:
                answer = self._sending.straight(name, self._notes.get_bytes(run.job.id, FILE))
            self._notes.put_bytes(run.job.id, ANSWER, answer)

    def clean(self, job: Job) -> None:
        """Remove what a failed request was about."""
        self._notes.remove(job.id, [FILE])

    def forget(self, job: Job) -> None:
        """Remove what the request was about; the answer stays until whoever asked has it."""
        self._notes.remove(job.id, [FILE])


class PeerRequests:
    """Has questions asked."""

    def __init__(self, peers: Peers, asking: Asking, notes: JobNotes) -> None:
        self._peers = peers
        self._asking = asking
        self._notes = notes

    def system(self, name: str) -> bytes:
        """What a peer says of itself, in JSON.

        Raises
        ------
        UnknownResource
            No peer has this name.
        NetworkProtocol
            It cannot be reached, or does not answer in time, or not as a peer does.
        """
        answer = self._ask(name, SYSTEM)
        if not isinstance(_value(answer), dict):
            raise NetworkProtocol(f"No answer of an Orthanc: {name}")
        return answer

    def store(self, name: str, file: bytes) -> Any:
        """Store a DICOM file at a peer, and not here; gives its answer, and raises as `system`."""
        answer = _value(self._ask(name, STORE, file))
        if not isinstance(answer, dict | list):
            raise NetworkProtocol(f"Cannot send DICOM to remote peer: {name}")
        return answer

    def _ask(self, name: str, operation: str, file: bytes | None = None) -> bytes:
        self._peers.get(name)
        asked = {"operation": operation, "name": name}
        job = self._asking.ask(TYPE, asked, f"The peer did not answer in time: {name}", file)
        answer = self._notes.get_bytes(job.id, ANSWER)
        self._notes.remove(job.id, [ANSWER])
        return answer


def _value(answer: bytes) -> Any:
    """An answer, or None if it is no JSON."""
    try:
        return msgspec.json.decode(answer)
    except (msgspec.MsgspecError, RecursionError):
        return None
