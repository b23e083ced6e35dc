"""The examples of a page of the documentation, as they can be run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOOL = re.compile(r"(curl|storescu|findscu) ")
_VARIABLE = re.compile(r"\$([A-Z]+)")
_OUTPUT = re.compile(r" > (\S+)$")


@dataclass(frozen=True, slots=True)
class Example:
    """One line of a shell."""

    line: str

    @property
    def tool(self) -> str:
        """The command that it runs."""
        return self.line.partition(" ")[0]

    @property
    def variables(self) -> set[str]:
        """What it needs to know."""
        return set(_VARIABLE.findall(self.line))

    @property
    def output(self) -> str:
        """The file that the answer goes to; empty if it is shown."""
        found = _OUTPUT.search(self.line)
        return found[1] if found else ""

    @property
    def needs_peer(self) -> bool:
        """Whether another DICOM node takes part, or asks what only nodes that are known may ask."""
        return self.tool == "findscu" or "/modalities/" in self.line or "/queries/" in self.line

    def replaced(self, texts: Mapping[str, str]) -> Example:
        """The same with other texts in it."""
        line = self.line
        for text, other in texts.items():
            line = line.replace(text, other)
        return Example(line)


def examples(page: str) -> Iterator[Example]:
    """The examples of a page in Markdown, in its order."""
    for block in _BLOCK.findall(page):
        for line in block.splitlines():
            if _TOOL.match(line):
                yield Example(line)
