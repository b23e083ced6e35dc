"""An account of AWS for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.cloud import Cloud, cloud


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Cloud]:
    """An account, empty."""
    with cloud(tmp_path / "aws") as account:
        yield account
