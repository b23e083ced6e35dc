"""Logs, metrics and secrets, by aws-lambda-powertools (without its Tracer, which costs 0.3 s at each cold start).

A log line holds what `Fields` lists, and no text from elsewhere: an exception appears as its type and the places
in the code that it came through, never with its message; what a library logs keeps its place and loses its text.
Requests therefore appear by route (``/instances/{identifier}/tags``), never by path or query string.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from typing import IO, TYPE_CHECKING, Any, TypedDict, Unpack

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics

from chalicelib.domain.errors import InternalError, Unavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

NAMESPACE = "Nacre"
STAGE, SERVICE = "stage", "service"  # the dimensions of every metric
MAX_CAUSES = 5
MAX_PLACES = 8


class Metric(StrEnum):
    """What is counted; the value is the metric's name in CloudWatch."""

    REQUESTS = "Requests"
    ERRORS = "Errors"
    LATENCY = "Latency"
    INGESTED_INSTANCES = "IngestedInstances"
    INGESTED_BYTES = "IngestedBytes"
    ASSOCIATIONS = "Associations"
    REJECTED_ASSOCIATIONS = "RejectedAssociations"
    REJECTED_CALLED_AET = "RejectedCalledAet"
    REJECTED_TOO_MANY = "RejectedTooMany"
    FAILED_HANDSHAKES = "FailedHandshakes"
    REFUSED_REQUESTS = "RefusedRequests"


_UNITS = {Metric.LATENCY: "Milliseconds", Metric.INGESTED_BYTES: "Bytes"}


class Fields(TypedDict, total=False):
    """What a log line may hold, beside the name of the event. Nothing that a DICOM file or a query string holds."""

    request_id: str
    method: str
    route: str
    status: int
    milliseconds: float
    resource: str
    count: int
    bytes: int
    aet: str
    reason: str


class Telemetry:
    """Writes one line of JSON per event, and metrics in CloudWatch's embedded format (off: no metrics)."""

    def __init__(self, logger: logging.Logger, metrics: EphemeralMetrics | None) -> None:
        self._logger = logger
        self._metrics = metrics
        self._lock = threading.Lock()  # the listener counts from many threads

    def event(
        self,
        name: str,
        *,
        error: BaseException | None = None,
        level: int = logging.INFO,
        **fields: Unpack[Fields],
    ) -> None:
        """Log that something happened. `name` is a constant, or a sentence made of names of options.

        An `error` raises the level to ERROR.
        """
        self._write(name, level, dict(fields), error)

    def request(self, seconds: float, error: BaseException | None = None, **fields: Unpack[Fields]) -> None:
        """Log an answered request (`error`: why it failed) and publish the metrics gathered during it."""
        milliseconds = round(seconds * 1000, 2)
        failed = fields.get("status", 200) >= 500
        self.count(Metric.REQUESTS)
        self.count(Metric.LATENCY, milliseconds)
        if failed:
            self.count(Metric.ERRORS)
        line: dict[str, Any] = {**fields, "milliseconds": milliseconds}
        self._write("request", logging.INFO, line, error if failed else None)
        self.publish()

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        """Log a piece of work without a request, and publish the metrics gathered during it.

        Raises
        ------
        InternalError
            The work failed. The error itself stays here, since the Lambda runtime prints what it is given.
        """
        started = time.perf_counter()
        failure: Exception | None = None
        try:
            yield
        except Exception as error:
            failure = error
            self.count(Metric.ERRORS)
        self.event(name, error=failure, milliseconds=round((time.perf_counter() - started) * 1000, 2))
        self.publish()
        if failure is not None:
            raise InternalError(f"{name} failed") from None

    def set_level(self, level: str) -> None:
        """Log from another level on."""
        self._logger.setLevel(level)

    def count(self, metric: Metric, value: float = 1) -> None:
        """Add to a metric; published at the end of the running request or operation, or by `publish`."""
        if self._metrics is not None:
            with self._lock:
                self._metrics.add_metric(metric, _UNITS.get(metric, "Count"), value)

    def publish(self) -> None:
        """Publish the metrics gathered so far."""
        if self._metrics is not None:
            with self._lock:
                if self._metrics.metric_set:
                    self._metrics.flush_metrics()

    def _write(self, name: str, level: int, line: dict[str, Any], error: BaseException | None) -> None:
        if error is not None:
            level = logging.ERROR
            line |= _describe(error)
        self._logger.log(level, name, extra=line)


def open_telemetry(
    level: str, *, metrics_of: str = "", service: str = "nacre", stream: IO[str] | None = None
) -> Telemetry:
    """Set up logging for this process, libraries included. To be called once for a service.

    Parameters
    ----------
    level
        The lowest level that is logged, e.g. ``INFO``. Of libraries, errors alone are.
    metrics_of
        The stage whose metrics are published (on standard output, where CloudWatch finds them); empty: none are.
    service
        The service's name in every line and metric.
    stream
        Where the lines go; standard output if not given.
    """
    formatter: Any = RedactingFormatter(service)
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    logging.getLogger(service).handlers.clear()
    Logger(service, level, stream=stream, logger_formatter=formatter)
    published = None
    if metrics_of:
        # An account may have several stages, and their metrics share the namespace.
        published = EphemeralMetrics(
            namespace=NAMESPACE, service=service, default_dimensions={STAGE: metrics_of}
        )
    return Telemetry(logging.getLogger(service), published)


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Formats records as JSON; lets the texts of one logger pass, and of no other."""

    def __init__(self, trusted: str) -> None:
        super().__init__(utc=True, use_rfc3339=True, serialize_stacktrace=False, location=None)
        self._trusted = trusted

    def format(self, record: logging.LogRecord) -> str:
        """The line for a record."""
        return str(super().format(self._redacted(record)))

    def _redacted(self, record: logging.LogRecord) -> logging.LogRecord:
        if record.name == self._trusted and not record.exc_info and not record.stack_info:
            return record
        fields = vars(logging.makeLogRecord({}))
        kept = {name: value for name, value in vars(record).items() if name in fields}
        kept |= {"msg": f"[text of {record.name} withheld]", "args": (), "message": ""}
        kept |= {"exc_info": None, "exc_text": None, "stack_info": None}
        error = record.exc_info[1] if record.exc_info else None
        place = f"{_short(record.pathname)}:{record.lineno} {record.funcName}"
        return logging.makeLogRecord(kept | ({"at": [place]} if error is None else _describe(error)))


def secret_reader(client: Any = None, max_age_seconds: int = 300) -> Callable[[str], str]:
    """Make a reader of AWS Secrets Manager (ARN to text) that asks again after `max_age_seconds`.

    Nothing is imported and no connection made before the first secret is read. The reader raises `Unavailable`
    if Secrets Manager does not give the secret.
    """

    @cache
    def provider() -> SecretsProvider:
        from aws_lambda_powertools.utilities.parameters import SecretsProvider

        return SecretsProvider(boto3_client=client)

    def read(arn: str) -> str:
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

        try:
            return str(provider().get(arn, max_age=max_age_seconds))
        except GetParameterError:
            raise Unavailable("A secret cannot be read") from None

    return read


def _describe(error: BaseException) -> dict[str, Any]:
    """The types of an error and of its causes, and where the first of them was raised."""
    chain = [error]
    while len(chain) < MAX_CAUSES:
        last = chain[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None:
            break
        chain.append(cause)
    frames = [frame for frame, _ in traceback.walk_tb(chain[-1].__traceback__)][-MAX_PLACES:]
    places = [f"{_short(f.f_code.co_filename)}:{f.f_lineno} {f.f_code.co_name}" for f in frames]
    return {"error": " < ".join(_label(link) for link in chain), "at": places}


def _label(error: BaseException) -> str:
    """The error's type; of an answer of AWS also its code, which is one of AWS's own words."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return f"{type(error).__name__}({code})" if code else type(error).__name__


def _short(path: str) -> str:
    return "/".join(path.split("/")[-3:])
