# SPDX-License-Identifier: Apache-2.0
"""What the tests share: the cluster under control, scripts in processes of their own, and what a process holds."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

TEST_SECONDS = 120
PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]
PATIENT = {"timeout_ms": "60000"}  # a store that another run has killed comes back within this


class Cluster:
    """The live cluster, through its control address."""

    def __init__(self) -> None:
        self.master = os.environ["VASTO_TEST_MASTER"]
        self._control = os.environ["VASTO_TEST_CONTROL"]

    def do(self, action: str, **values: str | int) -> str:
        """What is done to the cluster; the text of the answer."""
        url = f"{self._control}/{action}?{urllib.parse.urlencode(values)}"
        with urllib.request.urlopen(url, b"", timeout=TEST_SECONDS) as answer:
            text: str = answer.read().decode()
            return text

    @contextlib.contextmanager
    def keyspace(self, **shape: str | int) -> Iterator[str]:
        """A new keyspace, for the time of the block."""
        name = f"py-{uuid.uuid4().hex}"
        # Another run may have a store down at this moment.
        eventually(lambda: self._created(name, shape), f"keyspace {name}")
        try:
            yield name
        finally:
            with contextlib.suppress(urllib.error.HTTPError):  # a test may have deleted it
                self.do("delete", keyspace=name)

    def _created(self, name: str, shape: dict[str, str | int]) -> bool:
        try:
            self.do("create", keyspace=name, **shape)
        except urllib.error.HTTPError as error:
            with error:
                error.read()
            return False
        return True

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """For the time of the block no other run stops a store."""
        address = urllib.parse.urlsplit(self._control).port
        with (Path(tempfile.gettempdir()) / f"vasto-python-test-{address}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def store_paused(self, keyspace: str) -> Iterator[None]:
        """A store that has the primary of shard 0 does not answer for the time of the block."""
        with self.alone():
            store = self.do("primary", keyspace=keyspace)
            self.do("pause", store=store)
            try:
                yield
            finally:
                self.do("resume", store=store)


def eventually(happened: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits until it has happened."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"did not happen in {seconds} s: {what}"
        time.sleep(0.02)


def held() -> tuple[int, int]:
    """How many file descriptors and threads this process has."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


@contextlib.contextmanager
def nothing_left() -> Iterator[None]:
    """The block leaves as many file descriptors and threads as there were."""
    gc.collect()
    before = held()
    yield
    gc.collect()

    def none_more() -> bool:
        now = held()
        return now[0] <= before[0] and now[1] <= before[1]

    eventually(none_more, f"file descriptors and threads {before} again, not {held()}", 20)


def python(script: str, *options: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """A new interpreter that runs the script, with all warnings as errors."""
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", *options, "-c", script],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_python(script: str, *options: str, env: dict[str, str] | None = None) -> str:
    """What the script prints; it must end well, within the time, and with nothing on standard error."""
    process = python(script, *options, env=env)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, ""), f"exit code {process.returncode}:\n{errors}"
    return output
