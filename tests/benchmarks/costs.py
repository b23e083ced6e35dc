"""What each operation costs: AWS calls, what they read and write, our own CPU with AWS stubbed, and dollars."""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from chalice.local import LambdaContext

from chalicelib.application import Application
from infra.local.gateway import Gateway, HttpRequest
from tests.benchmarks.capacity import Usage, usage
from tests.benchmarks.operations import Operation, application, operations, prepare
from tests.support.client import Client
from tests.support.inprocess import answer
from tests.support.local_world import local_world
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
    cpu_ms: float
    dollars_per_million: float


def configure(parser: argparse.ArgumentParser) -> None:
    """Say how this is called."""
    parser.description = __doc__
    parser.add_argument("--repeat", type=int, default=200, help="how often each operation is timed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure and print a table."""
    print(
        "| operation | calls | items read | items written | bytes read | bytes written | CPU, ms "
        "| USD per million |\n|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    for cost in measure(arguments.repeat):
        used = cost.used
        print(
            f"| {cost.name} | {used.calls} | {used.items_read} | {used.items_written} | {used.bytes_read:,} "
            f"| {used.bytes_written:,} | {cost.cpu_ms:.2f} | {cost.dollars_per_million:.2f} |"
        )


def measure(repeat: int) -> list[Cost]:
    """The costs of all operations."""
    with local_world() as world:
        app = application(world)
        prepare(Client(app))
        world.settle()
        return [_cost(world, app, operation, repeat) for operation in operations(world)]


def _cost(world: World, app: Application, operation: Operation, repeat: int) -> Cost:
    client = Client(app)
    client.request(*operation.request(0))
    world.calls.reset()
    with _Recording(world) as recorded:
        assert client.request(*operation.request(1)).status == 200, operation.name
    used = usage(list(world.calls.requests), list(world.calls.answers))
    world.calls.reset()
    with _Replaying(world, recorded):
        cpu_ms = _cpu_ms(app, operation, repeat)
    world.calls.reset()
    return Cost(operation.name, used, cpu_ms, 1e6 * _dollars(used, operation.depth, cpu_ms))


def _cpu_ms(app: Application, operation: Operation, repeat: int) -> float:
    """The median of some rounds' means, from the event to the answer, as on Lambda."""
    gateway = Gateway(app)
    context = LambdaContext("nacre", 1769)
    means = []
    for turn in range(ROUNDS):
        count = repeat // ROUNDS
        events = [_event(gateway, *operation.request(2 + turn * count + number)) for number in range(count)]
        began = time.process_time()
        for event in events:
            app(event, context)
        means.append((time.process_time() - began) / count * 1000)
    return statistics.median(means)


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

    def __init__(self, world: World) -> None:
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


class _Recording(_Session):
    """Lets requests through and keeps the answers."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.answers: Recorded = defaultdict(deque)

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        response = self._sessions[0].send(request)
        content = response.content
        kept = (response.status_code, dict(response.headers), content)
        self.answers[_kind(request)].append(kept)
        return answer(request, *kept)


class _Replaying(_Session):
    """Answers from what was recorded: what is left is our own work."""

    def __init__(self, world: World, answers: Recorded) -> None:
        super().__init__(world)
        self.answers = answers

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        turns = self.answers[_kind(request)]
        turns.rotate(-1)
        return answer(request, *turns[-1])


def _kind(request: AWSPreparedRequest) -> str:
    target = request.headers.get("X-Amz-Target", b"")
    return target.decode() if isinstance(target, bytes) and target else f"{request.method} {target}"
