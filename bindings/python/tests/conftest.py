# SPDX-License-Identifier: Apache-2.0
"""The cluster that the tests are run beside, and keyspaces of their own."""

from __future__ import annotations

import faulthandler
import signal
from typing import TYPE_CHECKING

import pytest
from support import PATIENT, TEST_SECONDS, Cluster

import vasto

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """A test that hangs ends the run, and shows where every thread is."""
    # A shell has what it runs in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.dump_traceback_later(TEST_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    """A new keyspace of 4 shards, each with 1 replica."""
    with cluster.keyspace(shards=4) as name:
        yield name


@pytest.fixture
def safe_name(cluster: Cluster) -> Iterator[str]:
    """A new keyspace of 4 shards, each with 3 replicas, of which 2 acknowledge."""
    with cluster.keyspace(shards=4, replicas=3, acks="quorum") as name:
        yield name


@pytest.fixture
def client(cluster: Cluster) -> Iterator[vasto.Client]:
    with vasto.Client(cluster.master, config=PATIENT) as client:
        yield client


@pytest.fixture
def ks(client: vasto.Client, name: str) -> vasto.Keyspace:
    return client.keyspace(name)
