"""Options that users change while the store runs (`/tools/default-encoding`, ...). Every process sees them soon.

They stand in the index table. Whoever begins something (a request, an event, an association) calls `refresh`, which
asks the table every ten seconds at most; what follows reads the memory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.encodings import ENCODINGS
from chalicelib.domain.errors import ParameterOutOfRange, Unavailable
from chalicelib.storage.dynamodb.registry import Registry

if TYPE_CHECKING:
    from chalicelib.settings import Settings

FRESH_SECONDS = 10.0
MAXIMUM_PATTERNS = 256
MAXIMUM_STARS = 4
"""In a pattern: to match it takes time that grows with their power."""

_PATTERN = re.compile(r"[0-9.*?]{1,64}")  # PS3.5, section 9.1: a UID has 64 characters at most
_RUNS = re.compile(r"\*+")
VERBOSITIES = {"default": "", "verbose": "INFO", "trace": "DEBUG"}
"""Orthanc's names, and the levels that they stand for; by default, what `LogLevel` says."""

LOG_CATEGORIES = ("generic", "dicom", "http", "jobs", "lua", "plugins", "sqlite")
ENCODING, METRICS, UNKNOWN_CLASSES, SYNTAXES = (
    "encoding",
    "metrics",
    "unknown-sop-classes",
    "transfer-syntaxes",
)


class RuntimeOptions:
    """The options, and what the configuration says where nobody changed them."""

    def __init__(self, registry: Registry, settings: Settings, clock: Clock) -> None:
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._values: dict[str, Any] = {}
        self._read_at = float("-inf")

    def refresh(self) -> None:
        """Read them if that was not done in the last seconds; an index that does not answer leaves them as they are."""
        now = self._clock()
        if now - self._read_at >= FRESH_SECONDS:
            self._read_at = now
            with suppress(Unavailable):
                self._values = self._registry.all()

    def encoding(self) -> str:
        """That of files without a character set of their own."""
        return str(self._values.get(ENCODING, self._settings.default_encoding))

    def set_encoding(self, name: str) -> None:
        """Set it, in any case; raises `ParameterOutOfRange` if there is no such encoding."""
        known = {encoding.lower(): encoding for encoding in ENCODINGS}
        if name.lower() not in known:
            raise ParameterOutOfRange
        self._set(ENCODING, known[name.lower()])

    @property
    def metrics(self) -> bool:
        """Whether `/tools/metrics-prometheus` is answered."""
        return bool(self._values.get(METRICS, self._settings.metrics_enabled))

    def set_metrics(self, *, enabled: bool) -> None:
        """Set it."""
        self._set(METRICS, enabled)

    @property
    def unknown_classes(self) -> bool:
        """Whether C-STORE takes SOP classes that nobody knows."""
        return bool(self._values.get(UNKNOWN_CLASSES, self._settings.unknown_sop_class_accepted))

    def set_unknown_classes(self, *, accepted: bool) -> None:
        """Set it."""
        self._set(UNKNOWN_CLASSES, accepted)

    def transfer_syntaxes(self, known: Sequence[str]) -> list[str]:
        """Those of the known transfer syntaxes that C-STORE takes."""
        patterns = self._values.get(SYNTAXES, self._settings.accepted_transfer_syntaxes)
        return [uid for uid in known if any(fnmatchcase(uid, pattern) for pattern in patterns)]

    def set_transfer_syntaxes(self, patterns: Sequence[str]) -> None:
        """Set them, by patterns with ``*`` and ``?``; what can match no UID is left out.

        Raises
        ------
        ParameterOutOfRange
            There are more than anybody needs.
        """
        possible = {_RUNS.sub("*", pattern) for pattern in patterns if _PATTERN.fullmatch(pattern)}
        if len(possible) > MAXIMUM_PATTERNS or any(one.count("*") > MAXIMUM_STARS for one in possible):
            raise ParameterOutOfRange("Too many patterns")
        self._set(SYNTAXES, sorted(possible))

    def verbosity(self, category: str) -> str:
        """Orthanc's name for what is logged of a category."""
        return str(self._values.get(f"log-{category}", "default"))

    def set_verbosity(self, categories: Sequence[str], name: str) -> None:
        """Set what is logged of some categories; raises `ParameterOutOfRange` if it is none of Orthanc's names."""
        if name not in VERBOSITIES:
            raise ParameterOutOfRange(f'Verbosity can be "default", "verbose" or "trace": {name[:64]}')
        for category in categories:
            self._set(f"log-{category}", name)

    def log_level(self, category: str) -> str:
        """The lowest level that is logged of a category."""
        return VERBOSITIES[self.verbosity(category)] or self._settings.log_level

    def _set(self, name: str, value: Any) -> None:
        self._registry.put(name, value)
        self._values = {**self._values, name: value}
