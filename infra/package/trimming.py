"""What the package leaves out of imagecodecs: all but JPEG, or it would fill a third of what Lambda allows (250 MB)."""

from __future__ import annotations

from pathlib import Path

KEPT_MODULES = ("_jpeg8", "_shared", "_shared_cython")
KEPT_LIBRARIES = ("libjpeg",)


def trim(folder: Path) -> None:
    """Remove from installed dependencies the compiled modules that nothing imports, and their libraries."""
    for module in (folder / "imagecodecs").glob("*.so"):
        if module.name.partition(".")[0] not in KEPT_MODULES:
            module.unlink()
    for library in (folder / "imagecodecs.libs").iterdir():
        if library.name.partition("-")[0] not in KEPT_LIBRARIES:
            library.unlink()
