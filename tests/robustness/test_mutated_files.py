"""Hundreds of damaged files: refused, or stored and readable by every route, and never stored by half."""

from __future__ import annotations

import tracemalloc
from itertools import islice

import pytest

from tests.robustness.conftest import OpenStore
from tests.robustness.hostile import Mutant, deflated_image
from tests.robustness.mutants import families, source
from tests.robustness.store import Store
from tests.support.checker import problems

FAMILIES = families()
REFUSED = (400, 404, 413)
BATCH = 4
"""Files in a store: what is read of a series grows with them."""

WANTED = "requestedTags=PatientName;Rows;NumberOfFrames;RequestAttributesSequence"
ALWAYS_READABLE = (
    "",
    "/simplified-tags",
    "/tags",
    "/tags?short",
    "/tags?ignore-length=0010-0010",
    "/header",
    "/content",
    "/module",
    "/statistics",
    "/patient",
    f"?{WANTED}",
)
SOMETIMES_READABLE = (
    "/preview",
    "/tags?whole=true",
    "/content/0010-0010",
    "/content/0008-1140/0/0008-1140",
    "/content/7fe0-0010",
    "/content/7fe0-0010/0",
    "/content/7fe0-0010/1",
)
PARENTS_READABLE = (
    "",
    "/shared-tags",
    "/instances-tags?simplify",
    "/module",
    f"/instances?expand&{WANTED}",
)
MAXIMUM_MEGABYTES = 1500
"""Of the 1,769 that the Lambda function has."""


pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")


def test_there_are_enough() -> None:
    damaged = [name for name in FAMILIES if name.endswith(".dcm")]
    assert sum(1 for name in damaged for _ in FAMILIES[name]()) > 300


@pytest.mark.parametrize("family", FAMILIES)
def test_damaged_files_are_refused_or_stored_whole(open_store: OpenStore, family: str) -> None:
    mutants = FAMILIES[family]()
    while batch := list(islice(mutants, BATCH)):
        with open_store(overwrite_instances="Always") as store:
            post_and_read(store, batch)
            store.world.settle()
            assert problems(store.world) == []


def post_and_read(store: Store, batch: list[Mutant]) -> None:
    """Post files; read what is stored of each, and in the end their patients and studies."""
    taken = set()
    parents = {}
    for name, data in batch:
        answer = store.post(data)
        assert answer.status == 200 or answer.status in REFUSED, name
        if answer.status == 200 and isinstance(answer.json(), dict):
            stored = answer.json()
            taken.add(stored["ID"])
            read_back(store, stored, data, name)
            read_parent(store, f"/series/{stored['ParentSeries']}", name)
            parents[f"/patients/{stored['ParentPatient']}"] = name
            parents[f"/studies/{stored['ParentStudy']}"] = name
    for parent, name in parents.items():
        read_parent(store, parent, name)
    assert store.get("/instances").json() == sorted(taken)


def read_back(store: Store, stored: dict[str, str], data: bytes, name: str) -> None:
    """Read an instance in all ways."""
    at = stored["Path"]
    assert store.get(f"{at}/file").body == data, name
    for path in ALWAYS_READABLE:
        assert store.get(at + path).status == 200, f"{path} of {name}"
    for path in SOMETIMES_READABLE:
        assert store.get(at + path).status in (200, 404, 413, 415), f"{path} of {name}"


def read_parent(store: Store, at: str, name: str) -> None:
    """Read a patient, a study or a series in all ways."""
    for path in PARENTS_READABLE:
        assert store.get(at + path).status == 200, f"{at}{path} of {name}"


def test_a_sound_file_is_stored_and_read(open_store: OpenStore) -> None:
    data = source("CT_small.dcm")
    with open_store() as store:
        stored = store.post(data)
        assert stored.status == 200
        read_back(store, stored.json(), data, "a sound file")
        assert store.get(f"{stored.json()['Path']}/preview").status == 200


def test_the_largest_deflated_image_fits_into_memory(open_store: OpenStore) -> None:
    with open_store() as store:
        largest, too_large = deflated_image(250), deflated_image(300)
        tracemalloc.start()
        try:
            stored = store.post(largest)
            assert stored.status == 200
            store.get(stored.json()["Path"] + "/content/7fe0-0010/0")
            assert store.post(too_large).status == 400
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most >> 20 < MAXIMUM_MEGABYTES
