"""Hundreds of damaged files: refused, or stored and readable by every route, and never stored by half."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.robustness.conftest import OpenStore
from tests.robustness.mutants import deflated_image, families, source
from tests.robustness.store import Store
from tests.support.checker import problems

FAMILIES = families()
REFUSED = (400, 404, 413)
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
    "/study",
    "/series",
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
WANTED = "requestedTags=PatientName;Rows;NumberOfFrames;RequestAttributesSequence"
ABOVE = ("", "/shared-tags", "/instances-tags?simplify", "/module", f"/instances?expand&{WANTED}")
MAXIMUM_MEGABYTES = 1500
"""Of the 1,769 that the Lambda function has."""


pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")


def test_there_are_enough() -> None:
    damaged = [name for name in FAMILIES if name.endswith(".dcm")]
    assert sum(1 for name in damaged for _ in FAMILIES[name]()) > 500


@pytest.mark.parametrize("family", FAMILIES)
def test_damaged_files_are_refused_or_stored_whole(open_store: OpenStore, family: str) -> None:
    taken = set()
    with open_store(overwrite_instances="Always") as store:
        for number, (name, data) in enumerate(FAMILIES[family]()):
            answer = store.post(data)
            assert answer.status == 200 or answer.status in REFUSED, name
            if answer.status != 200 or isinstance(answer.json(), list):
                continue
            taken.add(answer.json()["ID"])
            read_back(store, answer.json(), data, name)
            if number % 4:  # most go, or reading what is above them would take ever longer
                assert store.ask("DELETE", answer.json()["Path"]).status == 200, name
                taken.remove(answer.json()["ID"])
        store.world.settle()
        assert problems(store.world) == []
        assert store.get("/instances").json() == sorted(taken)


def read_back(store: Store, stored: dict[str, str], data: bytes, name: str) -> None:
    """Read an instance and its parents in all ways."""
    at = stored["Path"]
    assert store.get(f"{at}/file").body == data, name
    for path in ALWAYS_READABLE:
        assert store.get(at + path).status == 200, f"{path} of {name}"
    for path in SOMETIMES_READABLE:
        assert store.get(at + path).status in (200, 404, 413, 415), f"{path} of {name}"
    assert store.get(f"{at}?{WANTED}").status == 200, name
    for parent in (f"/studies/{stored['ParentStudy']}", f"/series/{stored['ParentSeries']}"):
        for path in ABOVE:
            assert store.get(parent + path).status == 200, f"{parent}{path} of {name}"


def test_a_sound_file_is_stored_and_read(open_store: OpenStore) -> None:
    data = source("CT_small.dcm")
    with open_store() as store:
        stored = store.post(data)
        assert stored.status == 200
        read_back(store, stored.json(), data, "a sound file")
        assert store.get(f"{stored.json()['Path']}/preview").status == 200


def test_the_largest_deflated_image_fits_into_memory(open_store: OpenStore) -> None:
    tracemalloc.start()
    with open_store() as store:
        largest = store.post(deflated_image(250))
        assert largest.status == 200
        for path in ("/tags", "/preview", "/content/7fe0-0010/0", "/content/7fe0-0010"):
            store.get(largest.json()["Path"] + path)
        assert store.post(deflated_image(300)).status == 400
    assert tracemalloc.get_traced_memory()[1] // 1024**2 < MAXIMUM_MEGABYTES
    tracemalloc.stop()
