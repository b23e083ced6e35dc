"""Find whether a path of another description has a route."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chalicelib.domain.levels import Level
from infra.local.gateway import RouteTree

ANYTHING = "x"
WORDS = {level.plural for level in Level} | {level.label.lower() for level in Level}
"""What a parameter of a route can stand for that is a word in a path: a level, or what is above or below one."""


class RouteFinder:
    """Says whether a call has a route, its parameters named as they may be."""

    def __init__(self, routes: Mapping[str, Mapping[str, object]]) -> None:
        self._routes = routes
        self._tree = RouteTree(routes)

    def __call__(self, path: str, method: str) -> bool:
        """Whether the method of a path such as ``/studies/{id}/series`` is served."""
        found = self._tree.find(re.sub(r"\{[^}]*\}", ANYTHING, path))
        if found is None:
            return False
        template, parameters = found
        words = {parameters.get(name, ANYTHING) for name in ("level", "relation")} - {ANYTHING}
        return method in self._routes[template] and words <= WORDS
