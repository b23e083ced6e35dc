"""One running stack for all, started as a user starts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from tests.support.stack import RunningStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("e2e"), NACRE_STABLE_AGE="2") as running:
        yield running


@pytest.fixture(scope="session")
def ct() -> Path:
    return Path(str(get_testdata_file("CT_small.dcm")))


@pytest.fixture(scope="session")
def mr() -> Path:
    return Path(str(get_testdata_file("MR_small.dcm")))
