"""Time as a collaborator: services are handed a clock, so that tests can move it."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds since the epoch (UTC)."""

system_clock: Clock = time.time


def orthanc_time(seconds: float) -> str:
    """The instant in Orthanc's format for `LastUpdate`, `Date`, ...: ``20261124T154239``, UTC."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
