"""Arrays for NumPy, beyond what Orthanc was asked: several instances, bounds, hand-outs."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chalicelib.application import make_app
from chalicelib.observability import Telemetry
from chalicelib.services import arrays
from tests.support.client import Client
from tests.support.moto_world import moto_world
from tests.support.world import World
from tests.unit.transcoding.test_transcode import image


@pytest.fixture
def world() -> Iterator[World]:
    with moto_world(maximum_inline_bytes=20_000) as made:
        yield made


@pytest.fixture
def client(world: World) -> Client:
    return Client(make_app(world.services, Telemetry(logging.getLogger("test"), None)))


def store(world: World, uid: str, number: int, samples: Any, photometric: str = "MONOCHROME2") -> str:
    """An instance of one series; returns the identifier of the series."""
    from pydicom import dcmread

    dataset = dcmread(io.BytesIO(image(samples, 16, photometric, len(samples))))
    dataset.SOPInstanceUID, dataset.InstanceNumber = uid, str(number)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.PatientID = "1.2", "1.2.3", "P"
    written = io.BytesIO()
    dataset.save_as(written)
    stored = world.services.ingest.store(written.getvalue())
    return str(stored.identifiers[2])


def test_a_series_is_in_the_order_of_its_instances(world: World) -> None:
    slices = [np.full((1, 8, 8), value, np.uint16) for value in range(4)]
    for number in (2, 0, 3, 1):
        series = store(world, f"1.{9 - number}", number, slices[number])
    made = np.load(io.BytesIO(world.services.arrays.series(series, rescale=True, compress=False)))
    assert made.dtype == np.float32
    assert np.array_equal(made[..., 0], np.concatenate(slices))


def test_a_series_of_several_sizes_has_no_array(world: World, client: Client) -> None:
    store(world, "1.1", 1, np.zeros((1, 8, 8), np.uint16))
    series = store(world, "1.2", 2, np.zeros((1, 8, 9), np.uint16))
    assert client.request("GET", f"/series/{series}/numpy").status == 415


def test_what_is_too_large_for_memory_is_refused(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "MAXIMUM_BYTES", 1000)
    series = store(world, "1.1", 1, np.zeros((10, 8, 8), np.uint16))
    assert client.request("GET", f"/series/{series}/numpy").status == 413
    family = world.services.images._reading._index.family(series)
    assert family is not None
    instance = family.children[0].id
    assert client.request("GET", f"/instances/{instance}/frames/9/numpy").status == 200


def test_what_is_too_large_for_the_gateway_lies_in_the_bucket(world: World, client: Client) -> None:
    samples = np.arange(200 * 200, dtype=np.uint16).reshape(1, 200, 200)
    series = store(world, "1.1", 1, samples)
    answer = client.request("GET", f"/series/{series}/numpy?rescale=false")
    assert answer.status == 307
    (kept,) = world.s3.list_objects_v2(Bucket=world.resources.files, Prefix="default/archives/")["Contents"]
    data = world.s3.get_object(Bucket=world.resources.files, Key=kept["Key"])["Body"].read()
    assert np.array_equal(np.load(io.BytesIO(data))[0, ..., 0], samples[0])


def test_a_frame_of_many_fragments_is_read_at_once(world: World, client: Client) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    from tests.unit.transcoding.test_transcode import J2K, transcode

    samples = np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64)
    dataset = dcmread(io.BytesIO(transcode(image(samples, 16, "MONOCHROME2"), J2K).file))
    stream = next(iter(_frames(dataset)))
    dataset.PixelData = encapsulate([stream], fragments_per_frame=40)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.2.3"
    written = io.BytesIO()
    dataset.save_as(written)
    instance = world.services.ingest.store(written.getvalue()).identifiers[3]
    world.calls.reset()
    answer = client.request("GET", f"/instances/{instance}/numpy?rescale=false")
    assert np.array_equal(np.load(io.BytesIO(answer.body))[0, ..., 0], samples[0])
    assert world.calls.names.count("GetObject") <= 4


def _frames(dataset: Any) -> Any:
    from pydicom.encaps import generate_frames

    return generate_frames(dataset.PixelData, number_of_frames=1)


def test_floating_point_pixels_come_back_through_the_api(world: World, client: Client) -> None:
    from pydicom import dcmread

    values = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    dataset = dcmread(io.BytesIO(image(np.zeros((2, 8, 8), np.uint16), 16, "MONOCHROME2", 2)))
    del dataset.PixelData
    dataset.BitsAllocated = 32
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, keyword)
    dataset.FloatPixelData = np.stack([values, -values]).tobytes()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.2.3"
    written = io.BytesIO()
    dataset.save_as(written)
    instance = world.services.ingest.store(written.getvalue()).identifiers[3]
    answer = client.request("GET", f"/instances/{instance}/numpy")
    assert np.array_equal(np.load(io.BytesIO(answer.body))[..., 0], np.stack([values, -values]))
    for path in ("preview", "frames/1/preview", "rendered"):
        assert client.request("GET", f"/instances/{instance}/{path}").body.startswith(b"\x89PNG")


def test_a_file_in_another_transfer_syntax_takes_two_calls(world: World, client: Client) -> None:
    series = store(world, "1.1", 1, np.zeros((1, 64, 64), np.uint16))
    family = world.services.images._reading._index.family(series)
    assert family is not None
    client.request("GET", "/tools/now")  # after this the options are known
    world.calls.reset()
    path = f"/instances/{family.children[0].id}/file?transcode=1.2.840.10008.1.2.5"
    assert client.request("GET", path).status == 200
    assert world.calls.names == ["GetItem", "GetObject"]
