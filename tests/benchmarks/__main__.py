"""``python -m tests.benchmarks``: eight measurements, each on its own."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tests.benchmarks import coldstart, compare, costs, dicom, growth, listener, memory, sweep


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    modules: tuple[tuple[str, Callable[[argparse.ArgumentParser], None]], ...] = (
        ("costs", costs.configure),
        ("growth", growth.configure),
        ("compare", compare.configure),
        ("dicom", dicom.configure),
        ("listener", listener.configure),
        ("memory", memory.configure),
        ("coldstart", coldstart.configure),
        ("sweep", sweep.configure),
    )
    for name, configure in modules:
        configure(commands.add_parser(name, formatter_class=argparse.ArgumentDefaultsHelpFormatter))
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
