"""The configuration file: JSON with comments, in which variables of the environment are replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


class SettingsError(ValueError):
    """The configuration cannot be used; the message says which option is wrong, and no value."""


def read_file(path: str, env: Mapping[str, str]) -> dict[str, Any]:
    """The options of a file, those of its section ``Nacre`` among the others.

    Raises
    ------
    SettingsError
        The file cannot be read, or is not a JSON object.
    """
    import jsonc  # type: ignore[import-untyped]  # it has no types

    try:
        with open(path, encoding="utf-8-sig") as file:
            document = jsonc.loads(_substitute(file.read(), env))
    except OSError as error:
        raise SettingsError(f"The configuration file cannot be read: {path} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"The configuration file is not UTF-8: {path}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SettingsError(f"The configuration file is not JSON: {path}, {where}: {error.msg}") from None
    own = document.pop("Nacre", {}) if isinstance(document, dict) else None
    if not isinstance(own, dict):
        raise SettingsError(f"The configuration file, and its section Nacre, must be JSON objects: {path}")
    return {**document, **own}


def _substitute(text: str, env: Mapping[str, str]) -> str:
    """Replace ``${NAME}`` and ``${NAME:-default}`` anywhere in the text, as Orthanc does before it parses."""
    return re.sub(r"\$\{([^{}:]*)(?::-([^{}]*))?\}", lambda m: env.get(m[1], m[2] or ""), text)
