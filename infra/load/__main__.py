"""What a load asks of every key, queue and function, against AWS's limits; and what a large archive asks.

Draws instances and stores them by the store's own code over clients that count. Nothing is sent to AWS.
"""

from __future__ import annotations

import argparse

from infra.load import report


def main(given: list[str] | None = None) -> None:
    """Print what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m infra.load", description=__doc__)
    parser.add_argument("--rate", type=_positive, default=report.RATE, help="instances a second (5000)")
    parser.add_argument("--seconds", type=int, default=report.SECONDS, help="to be drawn (2)")
    parser.add_argument("--seed", type=int, default=1, help="the same draws the same (1)")
    parser.add_argument("--instances", type=_positive, default=report.INSTANCES, help="of the archive (1e9)")
    parser.add_argument("--document", action="store_true", help="write docs/load.md and do nothing else")
    arguments = parser.parse_args(given)
    if arguments.document:
        report.DOCUMENT.write_text(report.document())
        return
    if arguments.seconds < 1:
        parser.error("less than a second tells nothing")
    found = report.model(arguments.rate, arguments.seconds, arguments.seed)
    print("\n".join(report.text(found, arguments.instances)))


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be above zero")
    return value


if __name__ == "__main__":
    main()
