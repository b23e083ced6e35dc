"""What becomes of a resource that holds data when its stack goes."""

from __future__ import annotations

from aws_cdk import RemovalPolicy

RETAIN_NAMED = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""Of what has a name of its own: kept, unless the deployment that made it fails.

It is empty then, and if it stayed, its name would be taken when the deployment is tried again.
"""
