"""Real AWS answers that no emulator gives: conflicts, throttling, lost answers, and a process that dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ConnectionClosedError


class Killed(BaseException):
    """The process died here."""


class Calls:
    """Counts the AWS calls of some clients, and spoils those it is told to."""

    def __init__(self, *clients: Any) -> None:
        self.names: list[str] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._before: Callable[[int, str], Any] = lambda _n, _name: None
        self._after: Callable[[int, str], None] = lambda _n, _name: None
        for client in clients:
            client.meta.events.register("provide-client-params.*.*", self._on_params)
            client.meta.events.register("before-call.*.*", self._on_call)
            client.meta.events.register("after-call.*.*", self._on_answer)

    def reset(self) -> None:
        self.names.clear()
        self.requests.clear()
        self._before = lambda _n, _name: None
        self._after = lambda _n, _name: None

    def kill_before(self, position: int) -> None:
        """Die when the call with this position (from 0) is about to be made."""

        def before(number: int, _name: str) -> None:
            if number >= position:
                raise Killed

        self._before = before

    def kill_after(self, position: int) -> None:
        """Die when AWS has carried out the call with this position, before its answer is seen."""

        def after(number: int, _name: str) -> None:
            if number >= position:
                raise Killed

        self._after = after

    def lose_answer(self, position: int) -> None:
        """Let AWS carry out a call and lose its answer."""

        def after(number: int, _name: str) -> None:
            if number == position:
                raise ConnectionClosedError(endpoint_url="http://aws")

        self._after = after

    def conflict(self, operation: str, times: int) -> None:
        """Answer the next calls of an operation with a conflict, as DynamoDB does under concurrency."""
        left = [times]

        def before(_number: int, name: str) -> Any:
            if name != operation or left[0] == 0:
                return None
            left[0] -= 1
            return _refusal(operation)

        self._before = before

    def _on_params(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        with self._lock:
            self.requests.append((model.name, params))

    def _on_call(self, model: Any, **_: Any) -> Any:
        with self._lock:
            number = len(self.names)
            self.names.append(model.name)
        return self._before(number, model.name)

    def _on_answer(self, model: Any, **_: Any) -> None:
        self._after(len(self.names) - 1, model.name)


def _refusal(operation: str) -> tuple[Any, dict[str, Any]]:
    if operation == "TransactWriteItems":
        error = {
            "Error": {"Code": "TransactionCanceledException", "Message": "TransactionConflict"},
            "CancellationReasons": [{"Code": "TransactionConflict"}],
        }
    else:
        error = {"Error": {"Code": "TransactionConflictException", "Message": "in progress"}}
    return SimpleNamespace(status_code=400), {**error, "ResponseMetadata": {"HTTPStatusCode": 400}}
