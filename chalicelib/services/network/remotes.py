"""Remote modalities as associations reach them."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.modalities import Modality, Remote
from chalicelib.services.modalities import Modalities


@dataclass(frozen=True, slots=True)
class Changes:
    """What a request wants otherwise than the modality is configured; None or an empty text for nothing."""

    local_aet: str = ""
    called_aet: str = ""
    host: str = ""
    port: int | None = None
    timeout_seconds: int | None = None


UNCHANGED = Changes()


class Remotes:
    """Finds them by symbolic names."""

    def __init__(self, modalities: Modalities, *, aet: str, timeout_seconds: int) -> None:
        """`aet` and `timeout_seconds` are the store's own."""
        self._modalities = modalities
        self._aet = aet
        self._timeout_seconds = timeout_seconds

    def remote(self, name: str, changes: Changes = UNCHANGED) -> Remote:
        """A modality with what a request changes of it.

        Raises
        ------
        InexistentItem
            No modality has this name.
        """
        return self.of(name, self._modalities.get(name), changes)

    def of(self, name: str, modality: Modality, changes: Changes = UNCHANGED) -> Remote:
        """As `remote`, for a modality at hand."""
        timeout = changes.timeout_seconds
        if timeout is None:
            timeout = modality.timeout_seconds or self._timeout_seconds
        return Remote(
            name=name,
            aet=changes.called_aet or modality.aet,
            host=changes.host or modality.host,
            port=changes.port or modality.port,
            local_aet=changes.local_aet or modality.local_aet or self._aet,
            timeout_seconds=timeout,
            use_dicom_tls=modality.use_dicom_tls,
            allow_transcoding=modality.allow_transcoding,
        )
