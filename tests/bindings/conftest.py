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


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads it
def pytest_collection_modifyitems(items):
    """With pytest-xdist one worker has all of a language: what that installs is not installed twice at once."""
    for item in items:
        if hasattr(item, "callspec") and "language" in item.callspec.params:
            item.add_marker(pytest.mark.xdist_group(item.callspec.params["language"]))


def pytest_terminal_summary(terminalreporter):
    """The table of the vectors: of {(language, mode): {file: (passed, all)}}, as test_vectors.py says it of its tests."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind if hasattr(report, "user_properties")]
    said = [value for report in reports if report.when == "call" for name, value in report.user_properties if name == "vectors"]
    vectors = {(language, mode): files for language, mode, files in said}
    names = sorted({name for files in vectors.values() for name in files})
    if not names:
        return
    terminalreporter.write_line("\n| vectors that pass | " + " | ".join(names) + " |")
    terminalreporter.write_line("|---|" + "---:|" * len(names))
    for (language, mode), files in sorted(vectors.items()):
        cells = " | ".join("%d of %d" % tuple(files.get(name, (0, 0))) for name in names)
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
