# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio: as the classes of ``vasto`` of the same names, with ``await``.

Operations go through one queue of the library for each event loop, polled with the loop's sockets; what the library
offers no asynchronous form of (opening, closing, administration) waits in the loop's pool of threads.
"""

from ._admin import Admin, AdminOperation
from ._client import Client
from ._keyspace import Batch, Keyspace
from ._scan import Scan, Watch

__all__ = ["Admin", "AdminOperation", "Batch", "Client", "Keyspace", "Scan", "Watch"]
