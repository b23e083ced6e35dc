"""Associations that stay open for a while after a C-STORE, for the next one to the same modality."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pynetdicom.association import Association

from chalicelib.domain.modalities import Remote
from chalicelib.services.network.dicom_out import Kind
from dicom_listener.reactor import has_news, let_go

MAXIMUM = 16
"""Idle at a time, in one process."""

LOOK_SECONDS = 0.05
"""Between two looks whether the peer has ended one."""

CLOSE_SECONDS = 5.0

Kinds = frozenset[Kind]


@dataclass(slots=True, eq=False)
class _Idle:
    """An idle association."""

    association: Association
    remote: Remote
    kinds: Kinds
    is_wanted: threading.Event = field(default_factory=threading.Event)


class IdleAssociations:
    """Keeps them, each until it is taken, its time is over, or the peer ends it.

    There is never an idle association to a node while another is opened to it: who opens one has the idle ones
    released first, since many nodes take few associations at a time, and some only one.
    """

    def __init__(
        self, seconds: float, maximum: int = MAXIMUM, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`seconds` of 0 keep none; of more than `maximum` the oldest goes."""
        self._seconds = seconds
        self._maximum = maximum
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: list[_Idle] = []
        self._keepers: set[threading.Thread] = set()
        self._is_closed = False

    def __len__(self) -> int:
        """How many there are."""
        return len(self._idle)

    def take(self, remote: Remote, kinds: Kinds) -> tuple[Association, Kinds] | None:
        """One for files of some kinds, among those that it was opened for; from now on it is the caller's."""
        wanted = _interchangeable(remote)
        while idle := self._taken(lambda one: one.remote == wanted and one.kinds >= kinds):
            if not has_news(idle.association):
                return idle.association, idle.kinds
            let_go(idle.association)
        return None

    def give(self, association: Association, remote: Remote, kinds: Kinds) -> None:
        """Keep one that was opened for some kinds, has been taken over (`reactor.take_over`), and rests."""
        idle = _Idle(association, _interchangeable(remote), kinds)
        with self._lock:
            is_kept = self._seconds > 0 and self._maximum > 0 and not self._is_closed
            if is_kept:
                self._idle.append(idle)
                keeper = threading.Thread(target=self._keep, args=(idle,), daemon=True)
                self._keepers.add(keeper)
                keeper.start()
            too_many = self._idle[0] if len(self._idle) > self._maximum else None
        if not is_kept:
            let_go(association)
        elif too_many is not None:
            self._release(lambda one: one is too_many)

    def release(self, remote: Remote) -> None:
        """Release those to a node, by its address."""
        self._release(lambda one: (one.remote.host, one.remote.port) == (remote.host, remote.port))

    def close(self) -> None:
        """Release all, and keep none from now on."""
        with self._lock:
            self._is_closed = True
            for idle in self._idle:
                idle.is_wanted.set()
            keepers = list(self._keepers)
        deadline = self._clock() + CLOSE_SECONDS
        for keeper in keepers:
            keeper.join(max(0.0, deadline - self._clock()))

    def _release(self, matches: Callable[[_Idle], bool]) -> None:
        while idle := self._taken(matches):
            let_go(idle.association)

    def _taken(self, matches: Callable[[_Idle], bool]) -> _Idle | None:
        """The one given last of those that match; it is nobody else's any more."""
        with self._lock:
            found = next((one for one in reversed(self._idle) if matches(one)), None)
            if found is not None:
                self._idle.remove(found)
                found.is_wanted.set()
            return found

    def _keep(self, idle: _Idle) -> None:
        """Watch over one until it is not idle any more; end it unless somebody has taken it."""
        deadline = self._clock() + self._seconds
        try:
            while not has_news(idle.association) and (left := deadline - self._clock()) > 0:
                if idle.is_wanted.wait(min(left, LOOK_SECONDS)):
                    break
            self._release(lambda one: one is idle)
        finally:
            with self._lock:
                self._keepers.discard(threading.current_thread())


def _interchangeable(remote: Remote) -> Remote:
    """What associations with a modality have in common, whatever it is called here."""
    return replace(remote, name="", allow_transcoding=True)
