"""The composition root: settings and AWS clients in, services out."""

from chalicelib.bootstrap.build import build
from chalicelib.bootstrap.services import Services

__all__ = ["Services", "build"]
