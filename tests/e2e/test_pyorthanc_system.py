"""pyorthanc's calls about the system: plugins, options at run time, metrics; and arrays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx import HTTPError
from pydicom import dcmread
from pyorthanc import Orthanc

from tests.e2e.conftest import stored

CATEGORIES = ("", "_dicom", "_generic", "_http", "_jobs", "_lua", "_plugins", "_sqlite")


def test_plugins(pyorthanc: Orthanc) -> None:
    plugins = pyorthanc.get_plugins()
    assert isinstance(plugins, list)
    for plugin in plugins:
        assert pyorthanc.get_plugins_id(plugin)
    pyorthanc.get_plugins_explorer_js()
    with pytest.raises(HTTPError, match="404"):
        pyorthanc.get_plugins_id("no-such-plugin")


@pytest.mark.parametrize("category", CATEGORIES)
def test_log_levels(pyorthanc: Orthanc, category: str) -> None:
    put, get = (getattr(pyorthanc, f"{verb}_tools_log_level{category}") for verb in ("put", "get"))
    put("verbose")
    assert get() == "verbose"
    put("default")
    assert get() == "default"
    with pytest.raises(HTTPError, match="400"):
        put("nonsense")


@pytest.mark.parametrize("option", ["metrics", "unknown_sop_class_accepted"])
def test_switches(pyorthanc: Orthanc, option: str) -> None:
    put, get = (getattr(pyorthanc, f"{verb}_tools_{option}") for verb in ("put", "get"))
    before = get()
    for value in (1, 0):
        put(str(value))
        assert int(get()) == value
    put(str(before))


def test_metrics(pyorthanc: Orthanc, ct: Path) -> None:
    stored(pyorthanc, ct)
    assert "orthanc_count_instances 1" in _text(pyorthanc.get_tools_metrics_prometheus())


def test_the_default_encoding(pyorthanc: Orthanc) -> None:
    pyorthanc.put_tools_default_encoding("Latin2")
    assert pyorthanc.get_tools_default_encoding() == "Latin2"
    pyorthanc.put_tools_default_encoding("Latin1")


def test_accepted_transfer_syntaxes(pyorthanc: Orthanc) -> None:
    before = pyorthanc.get_tools_accepted_transfer_syntaxes()
    pyorthanc.put_tools_accepted_transfer_syntaxes(json=["1.2.840.10008.1.2"])
    assert pyorthanc.get_tools_accepted_transfer_syntaxes() == ["1.2.840.10008.1.2"]
    pyorthanc.put_tools_accepted_transfer_syntaxes(json=before)
    assert pyorthanc.get_tools_accepted_transfer_syntaxes() == before
    assert "1.2.840.10008.5.1.4.1.1.2" in pyorthanc.get_tools_accepted_sop_classes()


def test_arrays(pyorthanc: Orthanc, ct: Path) -> None:
    identifiers = stored(pyorthanc, ct)
    dataset = dcmread(ct)
    expected = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
    instance = identifiers["ID"]
    for array in (
        pyorthanc.get_instances_id_numpy(instance),
        pyorthanc.get_instances_id_frames_frame_numpy(0, instance),
        pyorthanc.get_series_id_numpy(identifiers["ParentSeries"]),
    ):
        assert np.array_equal(np.squeeze(_array(array)), expected)


def test_ordered_slices(pyorthanc: Orthanc, ct: Path) -> None:
    identifiers = stored(pyorthanc, ct)
    found: Any = pyorthanc.get_series_id_ordered_slices(identifiers["ParentSeries"])
    assert found["SlicesShort"] == [[identifiers["ID"], 0, 1]]


def test_other_transfer_syntaxes(pyorthanc: Orthanc, ct: Path) -> None:
    instance = stored(pyorthanc, ct)["ID"]
    file = pyorthanc.get_instances_id_file(instance, params={"transcode": "1.2.840.10008.1.2.5"})
    dataset = dcmread(io.BytesIO(file))  # type: ignore[arg-type]
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
    assert np.array_equal(dataset.pixel_array, dcmread(ct).pixel_array)


def _array(data: Any) -> Any:
    return np.load(io.BytesIO(data))


def _text(data: Any) -> str:
    return data.decode() if isinstance(data, bytes) else str(data)
