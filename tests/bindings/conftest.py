# SPDX-License-Identifier: Apache-2.0
"""What the tests of all bindings share. A toolchain that is not installed is a skip, and a failure where CI is set."""

import os
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

import with_cluster  # noqa: E402
from languages import LANGUAGES  # noqa: E402


vectors = {}  # (language, mode) -> {file: (passed, all)}, as they were played


def pytest_terminal_summary(terminalreporter):
    """The table of the vectors."""
    names = sorted({name for files in vectors.values() for name in files})
    if not names:
        return
    terminalreporter.write_line("\n| vectors that pass | " + " | ".join(names) + " |")
    terminalreporter.write_line("|---|" + "---:|" * len(names))
    for (language, mode), files in sorted(vectors.items()):
        cells = " | ".join("%d of %d" % files.get(name, (0, 0)) for name in names)
        terminalreporter.write_line(f"| {language}, {mode} | {cells} |")


def ready(language):
    """The language, with all that its package manager brings."""
    program = language.missing()
    if program:
        reason = f"{program} is not installed; tools/setup says how"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    done = language.run("setup", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return language


@pytest.fixture(scope="session", params=sorted(LANGUAGES))
def language(request):
    return ready(LANGUAGES[request.param])


@pytest.fixture(scope="session")
def stores():
    """The environment of a cluster of separate processes."""
    with with_cluster.live_cluster() as environment:
        yield environment


@pytest.fixture(scope="session")
def server():
    """The environment of one vasto-server."""
    with with_cluster.live_cluster(server=True) as environment:
        yield environment
