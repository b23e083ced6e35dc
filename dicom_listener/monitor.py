"""What a listener tells of itself: metrics, and a line of the log for each association. No AE title but the peer's."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from pynetdicom import evt
from pynetdicom.dimse_primitives import DimseServiceType
from pynetdicom.events import EventHandlerType

from chalicelib.observability import Metric, Telemetry
from dicom_listener.statuses import CANCELLED, NOT_AUTHORISED, PENDING

PUBLISH_SECONDS = 10.0
_RESPONSE = 0x8000  # PS3.7, section E.1: the bit of a command field that tells responses from requests
_PENDING = (PENDING, PENDING + 1)
_FAILURES = (range(0x0100, 0x0200), range(0xA000, 0xB000), range(0xC000, 0xD000))  # PS3.7, annex C


@dataclass(slots=True)
class Tally:
    """What came by one association."""

    calling_aet: str = ""
    requests: int = 0
    received_bytes: int = 0
    started: float = field(default_factory=time.perf_counter)


class Monitor:
    """Counts. Safe to use from every thread of a process."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._publish, daemon=True)

    def handlers(self) -> list[EventHandlerType]:
        """What pynetdicom is to call."""
        return [
            (evt.EVT_DIMSE_SENT, self._sent),
            (evt.EVT_ESTABLISHED, self._established),
            (evt.EVT_REJECTED, self._too_many),
        ]

    def start(self) -> None:
        """Publish metrics from time to time."""
        self._thread.start()

    def stop(self) -> None:
        """Publish the rest."""
        self._stopped.set()
        self._telemetry.publish()

    def called_by_another_name(self) -> None:
        """An association was rejected because it called another AE title."""
        self._rejected(Metric.REJECTED_CALLED_AET, "called AE title")

    def handshake_failed(self) -> None:
        """A connection ended before it was secured."""
        self._rejected(Metric.FAILED_HANDSHAKES, "TLS handshake")

    def served(self, tally: Tally, message: DimseServiceType, seconds: float) -> None:
        """A request was served to its end."""
        tally.requests += 1
        milliseconds = round(seconds * 1000, 2)
        self._telemetry.count(Metric.REQUESTS)
        self._telemetry.count(Metric.LATENCY, milliseconds)
        name = type(message).__name__.replace("_", "-")
        self._telemetry.event(name, level=logging.DEBUG, milliseconds=milliseconds)

    def ended(self, tally: Tally) -> None:
        """An association ended, however."""
        self._telemetry.event(
            "association",
            aet=tally.calling_aet,
            count=tally.requests,
            bytes=tally.received_bytes,
            milliseconds=round((time.perf_counter() - tally.started) * 1000, 2),
        )

    def _rejected(self, metric: Metric, reason: str) -> None:
        self._telemetry.count(Metric.REJECTED_ASSOCIATIONS)
        self._telemetry.count(metric)
        self._telemetry.event("association rejected", level=logging.WARNING, reason=reason)

    def _too_many(self, _event: evt.Event) -> None:
        """The one reason for which pynetdicom rejects by itself."""
        self._rejected(Metric.REJECTED_TOO_MANY, "too many associations")

    def _established(self, _event: evt.Event) -> None:
        self._telemetry.count(Metric.ASSOCIATIONS)

    def _sent(self, event: evt.Event) -> None:
        command = event.message.command_set
        status = command.get("Status")
        if not command.CommandField & _RESPONSE or status is None or status in (*_PENDING, CANCELLED):
            return
        if status == NOT_AUTHORISED:
            self._telemetry.count(Metric.REFUSED_REQUESTS)
        elif any(status in failures for failures in _FAILURES):
            self._telemetry.count(Metric.ERRORS)

    def _publish(self) -> None:
        while not self._stopped.wait(PUBLISH_SECONDS):
            self._telemetry.publish()
