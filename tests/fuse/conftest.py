# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the mount tests: a cluster of its own for each file, and mounts that end with the test."""

import os
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "cluster")]

import libvasto  # noqa: E402
import vasto_cluster  # noqa: E402
from vasto_mount import Mount, can_mount  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: only with VASTO_SOAK=1")


def pytest_collection_modifyitems(items):
    for item in items:
        if not can_mount():
            item.add_marker(pytest.mark.skip(reason="needs root, /dev/fuse and mount.vasto"))
        if item.get_closest_marker("soak") and not os.environ.get("VASTO_SOAK"):
            item.add_marker(pytest.mark.skip(reason="needs VASTO_SOAK=1"))


@pytest.fixture(scope="module")
def cluster():
    with vasto_cluster.Cluster(server=True, stores=2, server_flags=("--create=demo,other",)) as made:
        yield made


@pytest.fixture
def split_cluster():
    """One store with the keyspace demo, and a master, as processes that a test may stop by themselves."""
    with vasto_cluster.Cluster(stores=1) as made:
        made.create("demo")
        yield made


@pytest.fixture
def mounts(tmp_path):
    """Makes mounts of a cluster; what a test leaves behind is removed."""
    made = []

    def make(cluster, *options, folder=None, **more):
        mount = Mount(cluster, folder or tmp_path / f"mnt{len(made)}", *options, **more)
        made.append(mount)
        return mount

    yield make
    for mount in made:
        mount.remove()


@pytest.fixture
def mount(cluster, mounts):
    """A mount of the whole cluster."""
    return mounts(cluster)


@pytest.fixture
def ks(mount):
    """The directory of an empty keyspace on a fresh mount."""
    folder = mount.folder / "demo"
    for name in os.listdir(folder):
        (folder / name).unlink()
    return folder


@pytest.fixture
def raw(cluster):
    """The same keyspace through libvasto."""
    with libvasto.Client(cluster.address) as client:
        yield client.keyspace("demo")
