# SPDX-License-Identifier: Apache-2.0
"""Each binding passes the checks of its ecosystem and its own tests, and does for a new user what its README says."""

import socket
import urllib.request

import pytest

from languages import ROOT
from vasto_cluster import BUILD


def text_of(done):
    return f"{done.args} ended with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"


def post(environment, action):
    request = urllib.request.Request(f"{environment['VASTO_TEST_CONTROL']}/{action}", method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def test_lint(language):
    done = language.run("lint", capture_output=True, text=True)
    assert done.returncode == 0, text_of(done)


def test_own_tests(language, stores):
    done = language.run("test", environment=stores, capture_output=True, text=True)
    assert done.returncode == 0, text_of(done)
    post(stores, "clear")


def test_package(language, tmp_path):
    done = language.run("package", tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, text_of(done)
    assert [p for p in tmp_path.rglob("*") if p.is_file()], "no package was made"


@pytest.fixture(scope="session")
def users(server):
    """A cluster with the keyspace of the quick-starts."""
    post(server, "create?keyspace=users&replicas=3")
    return server


def test_quickstart(language, users, tmp_path):
    """The program of the README, at most 20 lines, in a fresh folder, with the package installed as the README says."""
    readme = (ROOT / "bindings" / language.name / "README.md").read_text()
    program = next(block for block in readme.split("```")[1::2] if "hello" in block).split("\n")[1:-1]
    assert 0 < len(program) <= 20
    environment = {**users, "VASTO_MASTER": users["VASTO_TEST_MASTER"]}
    done = language.run("quickstart", tmp_path, environment=environment, capture_output=True, text=True)
    assert done.returncode == 0, text_of(done)
    assert "hello" in done.stdout.split(), text_of(done)


def test_no_cluster(language, tmp_path):
    """The quick-start of a user whose cluster does not run ends soon and says what was tried."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        environment = {"VASTO_MASTER": address, "VASTO_LIBRARY": str(BUILD / "lib/libvasto.so.1")}
        done = language.run("quickstart", tmp_path, environment=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert address in done.stdout + done.stderr, text_of(done)
