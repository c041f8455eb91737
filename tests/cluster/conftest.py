# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the cluster tests: `make_cluster` for a private one, `shared` for one per file."""

import os
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import libvasto  # noqa: E402
import vasto_cluster  # noqa: E402

NEEDED = ("vasto-master", "vasto-store", "vasto-server", "vastoadm", "vasto", "mount.vasto")


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: the subset that also runs under the sanitizers")
    config.addinivalue_line("markers", "soak: only with VASTO_SOAK=1")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("soak") and not os.environ.get("VASTO_SOAK"):
            item.add_marker(pytest.mark.skip(reason="needs VASTO_SOAK=1"))


def pytest_runtest_setup(item):
    """What was not built is not tested, and that is a failure."""
    missing = [b for b in NEEDED if not (vasto_cluster.BIN / b).exists()]
    if missing and "test_harness" not in item.nodeid:
        pytest.fail(f"not built: {', '.join(missing)} in {vasto_cluster.BIN}", pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Remembers whether the test failed, and shows the logs of its clusters when it did."""
    outcome = yield
    report = outcome.get_result()
    setattr(item, f"report_{report.when}", report)
    if report.failed:
        for cluster in getattr(item, "clusters", []):
            report.sections.append((f"logs of {cluster.folder}", cluster.logs()))


def _finish(request, clusters):
    failed = any(getattr(getattr(request.node, f"report_{when}", None), "failed", False)
                 for when in ("setup", "call"))
    problems = []
    for cluster in clusters:
        if failed:
            cluster.kill_all()
            continue
        try:
            cluster.close()
        except AssertionError as error:
            problems.append(str(error))
            cluster.kill_all()
    assert not problems, "\n".join(problems)


@pytest.fixture
def make_cluster(request):
    """A function that makes clusters which end with the test; arguments as of Cluster."""
    clusters = []
    request.node.clusters = clusters

    def make(*args, **kwargs):
        # Known to the report and the clean-up before it starts anything.
        cluster = object.__new__(vasto_cluster.Cluster)
        clusters.append(cluster)
        cluster.__init__(*args, **kwargs)
        return cluster

    yield make
    _finish(request, clusters)


@pytest.fixture(scope="module")
def shared_cluster(request):
    """One cluster of two stores for all tests of a file that do not harm it."""
    clusters = [vasto_cluster.Cluster(stores=2)]
    yield clusters[0]
    _finish(request, clusters)


@pytest.fixture
def shared(request, shared_cluster):
    request.node.clusters = [shared_cluster]
    return shared_cluster


@pytest.fixture
def keyspace(request, shared):
    """A fresh keyspace of three shards in the shared cluster, through libvasto."""
    name = f"ks{abs(hash(request.node.nodeid)) % 10**9}"
    shared.create(name, 3)
    with libvasto.Client(shared.address) as client:
        yield client.keyspace(name)
    shared.vastoadm("keyspace", "delete", name, "--yes")
