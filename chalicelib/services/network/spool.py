"""Files on their way out, in a folder of the process."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager
from pathlib import Path

from chalicelib.domain.resources import Instance
from chalicelib.services.reading import Reading

AHEAD = 4
"""Files that are fetched while others are sent."""


class Spool:
    """Fetches files."""

    def __init__(self, reading: Reading, pool: Executor, folder: Path) -> None:
        self._reading = reading
        self._pool = pool
        self._folder = folder

    def fetched(self, instances: Sequence[Instance]) -> Generator[tuple[Instance, Future[Path]], None, None]:
        """The instances with their files, some of them ahead. The files are gone when this is closed."""
        with self.folder() as folder:
            waiting: deque[tuple[Instance, Future[Path]]] = deque()
            try:
                for place, instance in enumerate(instances):
                    waiting.append((instance, self._pool.submit(self._fetch, instance, folder / str(place))))
                    if len(waiting) > AHEAD:
                        yield waiting.popleft()
                while waiting:
                    yield waiting.popleft()
            finally:
                wait([future for _, future in waiting if not future.cancel()])

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder for a while."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            yield Path(name)

    def _fetch(self, instance: Instance, path: Path) -> Path:
        with path.open("wb") as file:
            file.writelines(self._reading.pieces(instance))
        return path
