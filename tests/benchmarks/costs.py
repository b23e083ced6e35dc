"""What each operation costs: AWS calls, what they read and write, our own CPU with AWS stubbed, and dollars."""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from chalice.local import LambdaContext

from chalicelib.application import Application
from infra.local.gateway import Gateway, HttpRequest
from tests.benchmarks.capacity import Usage, usage
from tests.benchmarks.operations import Operation, Request, application, operations, prepare
from tests.benchmarks.servers import Server, orthanc
from tests.support.client import Client
from tests.support.inprocess import answer
from tests.support.local_world import local_world, unsigned
from tests.support.world import World

# List prices in us-east-1, without free tier and transfer, as published in November 2025, in USD.
READ_UNIT, WRITE_UNIT = 0.125e-6, 0.625e-6  # DynamoDB on demand
S3_PUT, S3_GET = 5e-6, 0.4e-6
API_CALL = 3.5e-6  # API Gateway, REST
LAMBDA_CALL, LAMBDA_GB_SECOND = 0.2e-6, 16.6667e-6
LAMBDA_GB = 1.727  # 1,769 MB, at which Lambda gives one whole core
ROUNDS = 5
AWS_CALL_MS = 6.0  # assumed: what a call to DynamoDB or S3 takes from Lambda


@dataclass(frozen=True)
class Cost:
    """What one operation costs."""

    name: str
    used: Usage
    dollars_per_million: float
    cpu_ms: float
    orthanc_cpu_ms: float | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.add_argument("--repeat", type=int, default=200, help="how often each operation is timed")
    parser.add_argument(
        "--orthanc", type=Path, help="an executable of Orthanc, whose CPU is measured in turn"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure and print a table."""
    print(
        "| operation | calls | items read | items written | bytes read | bytes written | USD per million "
        "| CPU, ms | Orthanc's CPU, ms |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    with ExitStack() as stack:
        other = None
        if arguments.orthanc:
            folder = stack.enter_context(TemporaryDirectory())
            other = stack.enter_context(orthanc(arguments.orthanc, Path(folder)))
        for cost in measure(arguments.repeat, other):
            used = cost.used
            theirs = "" if cost.orthanc_cpu_ms is None else f"{cost.orthanc_cpu_ms:.2f}"
            print(
                f"| {cost.name} | {used.calls} | {used.items_read} | {used.items_written} "
                f"| {used.bytes_read:,} | {used.bytes_written:,} | {cost.dollars_per_million:.2f} "
                f"| {cost.cpu_ms:.2f} | {theirs} |",
                flush=True,
            )


def measure(repeat: int, other: Server | None) -> Iterator[Cost]:
    """The costs of all operations; with Orthanc's CPU for them if there is one."""
    with local_world() as world:
        world.dynamodb.meta.events.unregister("choose-signer.dynamodb", unsigned)  # on AWS all are signed
        app = application(world)
        prepare(Client(app).request)
        if other is not None:
            prepare(partial(_send, other, requests.Session()))
        world.settle()
        for operation in operations(world):
            yield _cost(world, app, operation, repeat, other)


def _cost(world: World, app: Application, operation: Operation, repeat: int, other: Server | None) -> Cost:
    client = Client(app)
    client.request(*operation.request(0))
    world.calls.reset()
    with Recording(world) as recorded:
        assert client.request(*operation.request(1)).status == 200, operation.name
    used = usage(list(world.calls.requests), list(world.calls.answers))
    world.calls.reset()
    ours, theirs = [], []
    for turn in range(ROUNDS):
        count = repeat // ROUNDS
        batch = [operation.request(2 + turn * count + number) for number in range(count)]
        with Replaying(world, recorded):
            ours.append(_cpu_ms(app, batch))
        if other is not None:
            theirs.append(_cpu_ms_of(other, batch))
    world.calls.reset()
    cpu_ms = statistics.median(ours)
    dollars = 1e6 * _dollars(used, operation.depth, cpu_ms)
    return Cost(operation.name, used, dollars, cpu_ms, statistics.fmean(theirs) if theirs else None)


def _cpu_ms(app: Application, batch: list[Request]) -> float:
    """Our CPU for a request, from the event to the answer, as on Lambda."""
    gateway, context = Gateway(app), LambdaContext("nacre", 1769)
    events = [_event(gateway, *request) for request in batch]
    began = time.process_time()
    for event in events:
        app(event, context)
    return (time.process_time() - began) / len(batch) * 1000


def _cpu_ms_of(server: Server, batch: list[Request]) -> float:
    """All CPU that a server takes for a request, its HTTP included."""
    session = requests.Session()
    before = sum(server.cpu_ms().values())
    for request in batch:
        _send(server, session, *request)
    return (sum(server.cpu_ms().values()) - before) / len(batch)


def _send(server: Server, session: requests.Session, method: str, url: str, body: bytes) -> None:
    session.request(method, server.url + url, data=body).raise_for_status()


def _event(gateway: Gateway, method: str, url: str, body: bytes) -> dict[str, Any] | None:
    path, _, query = url.partition("?")
    return gateway.event(HttpRequest(method, path, query, {}, body))


def _dollars(used: Usage, depth: int, cpu_ms: float) -> float:
    seconds = (cpu_ms + depth * AWS_CALL_MS) / 1000
    return (
        API_CALL
        + LAMBDA_CALL
        + seconds * LAMBDA_GB * LAMBDA_GB_SECOND
        + used.read_units * READ_UNIT
        + used.write_units * WRITE_UNIT
        + used.s3_puts * S3_PUT
        + used.s3_gets * S3_GET
    )


Recorded = dict[str, deque[tuple[int, dict[str, str], bytes]]]
"""The answers to each kind of request, in turn."""


class _Session:
    """Takes the place of both clients' HTTP sessions for a while."""

    def __init__(self, world: World, answers: Recorded) -> None:
        self.answers = answers
        self._endpoints: list[Any] = [world.dynamodb._endpoint, world.s3._endpoint]
        self._sessions = [endpoint.http_session for endpoint in self._endpoints]

    def __enter__(self) -> Recorded:
        for endpoint in self._endpoints:
            endpoint.http_session = self
        return self.answers

    def __exit__(self, *_: object) -> None:
        for endpoint, session in zip(self._endpoints, self._sessions, strict=True):
            endpoint.http_session = session

    def close(self) -> None:
        """Nothing is open."""


class Recording(_Session):
    """Lets requests through and keeps the answers."""

    def __init__(self, world: World, kind: Callable[[AWSPreparedRequest], str] | None = None) -> None:
        """Answers of one `kind`, as `kind_of` if not given, are kept in turn."""
        super().__init__(world, defaultdict(deque))
        self._kind = kind or kind_of

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        response = self._sessions[0].send(request)
        content = response.content
        kept = (response.status_code, dict(response.headers), content)
        self.answers[self._kind(request)].append(kept)
        return answer(request, *kept)


class Replaying(_Session):
    """Answers from what was recorded: what is left is our own work."""

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        turns = self.answers[kind_of(request)]
        turns.rotate(-1)
        return answer(request, *turns[-1])


def kind_of(request: AWSPreparedRequest) -> str:
    """The operation that a request asks for."""
    target = request.headers.get("X-Amz-Target", b"")
    return target.decode() if isinstance(target, bytes) and target else f"{request.method} {target}"
