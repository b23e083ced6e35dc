"""Providers made of pynetdicom: one of storage that tells what it got, and one that answers queries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from pydicom import Dataset
from pynetdicom import (
    AE,
    AllStoragePresentationContexts,
    BasicWorklistManagementPresentationContexts,
    QueryRetrievePresentationContexts,
    evt,
)

from dicom_listener.contexts import STORAGE_SYNTAXES


class Scp:
    """Receives on a free port, from `with` to its end."""

    def __init__(self, statuses: list[int] | None = None, port: int = 0, delay_seconds: float = 0.0) -> None:
        """`statuses` are the first answers; what comes then is a success. A `port` of 0 is a free one."""
        self._delay_seconds = delay_seconds
        self.statuses = list(statuses or [])
        self.received: list[str] = []
        self.originators: list[tuple[str, int]] = []
        self.calling = self.called = ""
        self.port = port

    def __enter__(self) -> Scp:
        ae = AE("RECEIVER")
        ae.add_supported_context("1.2.840.10008.1.1")
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(str(context.abstract_syntax), sorted(STORAGE_SYNTAXES))
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_ACCEPTED, self._accepted)]
        self._server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        self.port = self._server.socket.getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()

    def modality(self, **fields: object) -> dict[str, object]:
        """It as a modality."""
        return {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": self.port, **fields}

    def _accepted(self, event: evt.Event) -> None:
        self.calling = event.assoc.requestor.ae_title
        self.called = str(event.assoc.requestor.primitive.called_ae_title)

    def _store(self, event: evt.Event) -> int:
        time.sleep(self._delay_seconds)
        status = self.statuses.pop(0) if self.statuses else 0x0000
        request = event.request
        if request.MoveOriginatorApplicationEntityTitle:
            self.originators.append(
                (request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID)
            )
        if status in (0x0000, 0xB000):
            self.received.append(str(request.AffectedSOPInstanceUID))
        return status


class Pacs:
    """A query and retrieve provider made of pynetdicom: some answers to every C-FIND, nothing to retrieve."""

    def __init__(
        self,
        answers: Callable[[str], list[Dataset]],
        port: int = 0,
        *,
        known: str = "KNOWN",
        echoes: bool = False,
        status: int = 0xFF00,
    ) -> None:
        """`answers` gives those at a level, or a `status` instead; `known` is the only destination of a C-MOVE."""
        self._echoes = echoes
        self._status = status
        self.answers = answers
        self.known = known
        self.asked: list[Dataset] = []
        self.port = port

    def __enter__(self) -> Pacs:
        ae = AE("PACS")
        if self._echoes:
            ae.add_supported_context("1.2.840.10008.1.1")
        for context in (*QueryRetrievePresentationContexts, *BasicWorklistManagementPresentationContexts):
            ae.add_supported_context(str(context.abstract_syntax))
        handlers = [
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_GET, self._get),
        ]
        self._server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        self.port = self._server.socket.getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self.asked.append(event.identifier)
        if self._status != 0xFF00:
            yield self._status, None
            return
        for answer in self.answers(event.identifier.get("QueryRetrieveLevel", "WORKLIST")):
            yield 0xFF00, answer

    def _move(self, event: evt.Event) -> Iterator[Any]:
        self.asked.append(event.identifier)
        is_known = str(event.move_destination).strip() == self.known
        yield ("127.0.0.1", self.port) if is_known else (None, None)
        yield 0

    def _get(self, event: evt.Event) -> Iterator[Any]:
        self.asked.append(event.identifier)
        yield 0
