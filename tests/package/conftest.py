"""One package for all tests of a process: building it takes as long as the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.package.build import Package, build
from tests.package.unpacked import Lambda, Packaged, over_a_store, unpack


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build(tmp_path_factory.mktemp("package") / "built")


@pytest.fixture(scope="session")
def packaged(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    return unpack(package, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture(scope="module")
def function(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    with over_a_store(packaged, tmp_path_factory.mktemp("scratch")) as function:
        yield function
