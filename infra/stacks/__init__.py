"""The store on AWS, as CDK constructs: one stack for data, network, API, listener and watching each.

Importing this package makes CDK's runtime the pinned Node.js of the virtual environment.
"""

from infra.stacks.runtime import use_pinned_node

use_pinned_node()
