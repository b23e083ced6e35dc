"""PEM texts where a file is asked for: what ECS takes out of Secrets Manager comes as the value of a variable."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BEGIN = "-----BEGIN"


def is_pem(value: str) -> bool:
    """Whether an option holds a text, not the path of a file."""
    return value.lstrip().startswith(BEGIN)


@contextmanager
def as_file(value: str, folder: str) -> Iterator[str]:
    """The path of a file with what an option holds or names.

    A text is in a new file of a folder until the end of the block, which nobody but this user can read.
    """
    if not is_pem(value):
        yield value
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    descriptor, path = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value)
        yield path
    finally:
        os.unlink(path)
