"""Questions to remote modalities whose answers a client waits for: the container asks them, by jobs nobody sees."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from chalicelib.domain.errors import NetworkProtocol
from chalicelib.domain.jobs import Job
from chalicelib.domain.modalities import Remote
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.network.asking import FILE, Asking
from chalicelib.services.network.dicom_out import DicomOut, Kind, Reference
from chalicelib.services.network.sending import Sending
from chalicelib.storage.s3.notes import JobNotes

TYPE = "Request"
ANSWERS = "answers"
MAXIMUM_ANSWERS = 20_000
"""To one question: they are in memory, and a peer may never end."""


class RequestWork:
    """Asks."""

    type = TYPE

    def __init__(self, out: DicomOut, sending: Sending, notes: JobNotes) -> None:
        self._out = out
        self._sending = sending
        self._notes = notes

    def run(self, run: JobRun) -> None:
        """Ask, and keep the answers."""
        arguments = run.job.arguments
        remote = Remote(**arguments["remote"])
        with run.kept_alive():
            match arguments["operation"]:
                case "echo":
                    self._out.echo(remote, checks_find=arguments.get("checks_find", False))
                case "store":
                    file = self._notes.get_bytes(run.job.id, FILE)
                    kind = arguments["sop_class_uid"], arguments["transfer_syntax"]
                    self._sending.send_file(remote, file, kind, arguments["sop_instance_uid"])
                case "commit":
                    references = [Reference(*one) for one in self._notes.get(run.job.id, FILE)]
                    self._out.commit(remote, arguments["transaction_uid"], references)
                case "find":
                    identifier = base64.b64decode(arguments["identifier"])
                    found = self._out.find(remote, arguments["model"], identifier)
                    answers = [base64.b64encode(answer).decode() for answer in islice(found, MAXIMUM_ANSWERS)]
                    if next(found, None) is not None:
                        raise NetworkProtocol(
                            f'The modality with AET "{remote.aet}" has more than {MAXIMUM_ANSWERS} answers'
                        )
                    self._notes.put(run.job.id, ANSWERS, answers)

    def clean(self, job: Job) -> None:
        """Remove what a failed request was about."""
        self._notes.remove(job.id, [FILE])

    def forget(self, job: Job) -> None:
        """Remove what the request was about; answers stay until whoever asked has them."""
        self._notes.remove(job.id, [FILE])


class Requests:
    """Has questions asked."""

    def __init__(self, asking: Asking, notes: JobNotes) -> None:
        self._asking = asking
        self._notes = notes

    def echo(self, remote: Remote, *, checks_find: bool = False) -> None:
        """C-ECHO, and a C-FIND as well if that is to be checked.

        Raises
        ------
        NetworkProtocol
            The modality does not answer, or not in time.
        """
        self._ask({"operation": "echo", "checks_find": checks_find}, remote)

    def store(self, remote: Remote, file: bytes, kind: Kind, sop_instance_uid: str) -> None:
        """C-STORE of a file that is not in the store; raises as `echo`."""
        named = {"sop_class_uid": kind[0], "transfer_syntax": kind[1], "sop_instance_uid": sop_instance_uid}
        self._ask({"operation": "store", **named}, remote, file)

    def find(self, remote: Remote, model: str, identifier: bytes) -> list[bytes]:
        """C-FIND by an information model (a SOP class): the identifiers of the answers; raises as `echo`.

        Data sets are in Explicit VR Little Endian.
        """
        asked = base64.b64encode(identifier).decode()
        job = self._ask({"operation": "find", "model": model, "identifier": asked}, remote)
        answers: list[str] = self._notes.get(job.id, ANSWERS)
        self._notes.remove(job.id, [ANSWERS])
        return [base64.b64decode(answer) for answer in answers]

    def commit(self, remote: Remote, transaction_uid: str, references: Sequence[Reference]) -> None:
        """Ask for storage commitment; raises as `echo`."""
        asked = {"operation": "commit", "transaction_uid": transaction_uid}
        self._ask(asked, remote, json.dumps(references).encode())

    def _ask(self, arguments: Mapping[str, Any], remote: Remote, file: bytes | None = None) -> Job:
        whole = {**arguments, "remote": asdict(remote)}
        silence = f'The modality with AET "{remote.aet}" did not answer in time'
        return self._asking.ask(TYPE, whole, silence, file)
