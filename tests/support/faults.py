"""Real AWS answers that no emulator gives: conflicts, throttling, lost answers, partial batches, a process that dies.

Faults are made below the SDK, where the network is: its own retries see them first, as they would in earnest.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from tests.support.inprocess import answer

Send = Callable[[AWSPreparedRequest], AWSResponse]
Spoil = Callable[[int, str, AWSPreparedRequest, Send], AWSResponse]
"""Answers an attempt of the call with this position and name, by sending it or otherwise."""

ALWAYS = 1000
BATCHES = {"BatchGetItem", "BatchWriteItem", "DeleteObjects"}
WRITES = {"TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}


class Killed(BaseException):
    """The process died here."""


class Calls:
    """Counts the AWS calls of some clients, and spoils those it is told to."""

    def __init__(self, *clients: Any) -> None:
        self.names: list[str] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.conflicts = 0
        self._lock = threading.Lock()
        self._current = threading.local()
        self._spoil: Spoil | None = None
        for client in clients:
            client.meta.events.register("provide-client-params.*.*", self._on_params)
            client.meta.events.register("before-call.*.*", self._on_call)
            client.meta.events.register("after-call.*.*", self._on_answer)
            client._endpoint.http_session = _Wire(self, client._endpoint.http_session)

    def reset(self) -> None:
        """Forget what was counted, and spoil nothing any more."""
        self.names.clear()
        self.requests.clear()
        self.answers.clear()
        self.conflicts = 0
        self._spoil = None

    def spoil(self, how: Spoil) -> None:
        """Let `how` answer every attempt."""
        self._spoil = how

    def kill_after(self, position: int) -> None:
        """Die when AWS has carried out the call with this position (from 0), before its answer is seen."""

        def spoiled(number: int, _name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            if number > position:
                raise Killed
            response = send(request)
            if number == position:
                raise Killed
            return response

        self.spoil(spoiled)

    def lose_answer(self, position: int, times: int = 1) -> None:
        """Let AWS carry out a call, and lose its answer to the first `times` attempts."""

        def lost(request: AWSPreparedRequest, send: Send) -> AWSResponse:
            send(request)
            raise ConnectionClosedError(endpoint_url=request.url)

        self._at(position, times, lost)

    def throttle(self, position: int, times: int = 1) -> None:
        """Have AWS refuse the first `times` attempts of a call for their number."""
        self._at(position, times, _throttled)

    def conflict(self, position: int) -> None:
        """Have another transaction hold an item of the call with this position, a write."""

        def refused(number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            return conflicting(name, request) if number == position else send(request)

        self.spoil(refused)

    def process_partly(self, position: int) -> None:
        """Have AWS leave out half of a batch."""

        def halved(number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            return _HALVES[name](request, send) if number == position else send(request)

        self.spoil(halved)

    def contend(self, hold_seconds: float = 0.002) -> None:
        """Let transactions take their time, and refuse the writes that meet one on the same item, as DynamoDB does.

        `conflicts` counts the refusals.
        """
        held: Counter[str] = Counter()
        lock = threading.Lock()

        def contended(_number: int, name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            if name not in WRITES:
                return send(request)
            keys = _written_keys(name, json.loads(request.body))
            with lock:
                if any(held[key] for key in keys):
                    self.conflicts += 1
                    return conflicting(name, request)
                if name == "TransactWriteItems":
                    held.update(keys)
            if name != "TransactWriteItems":
                return send(request)
            try:
                time.sleep(random.uniform(0, hold_seconds))
                return send(request)
            finally:
                with lock:
                    held.subtract(keys)

        self.spoil(contended)

    def _at(self, position: int, times: int, how: Callable[[AWSPreparedRequest, Send], AWSResponse]) -> None:
        left = [times]

        def spoiled(number: int, _name: str, request: AWSPreparedRequest, send: Send) -> AWSResponse:
            if number != position or left[0] == 0:
                return send(request)
            left[0] -= 1
            return how(request, send)

        self.spoil(spoiled)

    def _on_params(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        with self._lock:
            self.requests.append((model.name, params))

    def _on_call(self, model: Any, **_: Any) -> None:
        with self._lock:
            self._current.call = len(self.names), model.name
            self.names.append(model.name)

    def _on_answer(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        with self._lock:
            self.answers.append((model.name, parsed))

    def _send(self, request: AWSPreparedRequest, send: Send) -> AWSResponse:
        if self._spoil is None:
            return send(request)
        return self._spoil(*self._current.call, request, send)


class _Wire:
    """Stands between a client and its HTTP session."""

    def __init__(self, calls: Calls, session: Any) -> None:
        self._calls = calls
        self._session = session

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        return self._calls._send(request, self._session.send)

    def close(self) -> None:
        self._session.close()


def _written_keys(name: str, body: dict[str, Any]) -> list[str]:
    """The keys of the items that a write touches, checks included, one text each."""
    if name == "BatchWriteItem":
        return [
            _key(table, *(request.get("PutRequest") or request["DeleteRequest"]).values())
            for table, requests in body["RequestItems"].items()
            for request in requests
        ]
    if name != "TransactWriteItems":
        return [_key(body["TableName"], body.get("Key") or body["Item"])]
    actions = [action for item in body["TransactItems"] for action in item.values()]
    return [_key(action["TableName"], action.get("Key") or action["Item"]) for action in actions]


def _key(table: str, item: dict[str, Any]) -> str:
    return json.dumps([table, item["pk"], item.get("sk")])


def conflicting(name: str, request: AWSPreparedRequest) -> AWSResponse:
    """DynamoDB's answer to a write of an item that another transaction holds."""
    if name == "BatchWriteItem":
        return _json(request, {"UnprocessedItems": json.loads(request.body)["RequestItems"]})
    if name != "TransactWriteItems":
        return _json(
            request, {"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException"}, 400
        )
    count = len(json.loads(request.body)["TransactItems"])
    reasons = [{"Code": "None"}] * (count - 1) + [{"Code": "TransactionConflict"}]
    error = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return _json(request, {"__type": error, "CancellationReasons": reasons}, 400)


def _throttled(request: AWSPreparedRequest, _send: Send) -> AWSResponse:
    if "X-Amz-Target" not in request.headers:
        return answer(
            request, 503, {}, b"<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"
        )
    error = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    return _json(request, {"__type": error}, 400)


def _half_of_reads(request: AWSPreparedRequest, send: Send) -> AWSResponse:
    body = json.loads(request.body)
    ((table, wanted),) = body["RequestItems"].items()
    keys = wanted["Keys"]
    rest = keys[len(keys) // 2 :]
    parsed = _send_body(
        request, send, {**body, "RequestItems": {table: {**wanted, "Keys": keys[: len(keys) // 2]}}}
    )
    return _json(request, {**parsed, "UnprocessedKeys": {table: {**wanted, "Keys": rest}}})


def _half_of_writes(request: AWSPreparedRequest, send: Send) -> AWSResponse:
    body = json.loads(request.body)
    ((table, writes),) = body["RequestItems"].items()
    rest = writes[len(writes) // 2 :]
    parsed = _send_body(request, send, {**body, "RequestItems": {table: writes[: len(writes) // 2]}})
    return _json(request, {**parsed, "UnprocessedItems": {table: rest}})


def _undeleted_files(request: AWSPreparedRequest, _send: Send) -> AWSResponse:
    error = b"<Error><Key>k</Key><Code>InternalError</Code><Message>We encountered an error</Message></Error>"
    return answer(request, 200, {}, b"<DeleteResult>" + error + b"</DeleteResult>")


def _send_body(request: AWSPreparedRequest, send: Send, body: dict[str, Any]) -> dict[str, Any]:
    """Send part of a batch; an empty one is not worth a call."""
    ((wanted),) = body["RequestItems"].values()
    if not (wanted["Keys"] if isinstance(wanted, dict) else wanted):
        return {"Responses": {}}
    whole, request.body = request.body, json.dumps(body).encode()
    try:
        parsed: dict[str, Any] = json.loads(send(request).content)
    finally:
        request.body = whole
    return parsed


def _json(request: AWSPreparedRequest, body: dict[str, Any], status: int = 200) -> AWSResponse:
    return answer(request, status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body).encode())


_HALVES: dict[str, Callable[[AWSPreparedRequest, Send], AWSResponse]] = {
    "BatchGetItem": _half_of_reads,
    "BatchWriteItem": _half_of_writes,
    "DeleteObjects": _undeleted_files,
}
