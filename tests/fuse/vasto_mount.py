# SPDX-License-Identifier: Apache-2.0
"""mount.vasto as a process on a private folder, and what tests do with it."""

import ctypes
import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))

import vasto_cluster  # noqa: E402

MOUNT = vasto_cluster.BIN / "mount.vasto"
STOP_S = 5  # what SIGTERM may take, by contract


# What an operation fails with that no store answers, by its deadline or at once.
UNREACHABLE = (errno.ETIMEDOUT, errno.EHOSTUNREACH)


def can_mount():
    return os.geteuid() == 0 and os.path.exists("/dev/fuse") and MOUNT.exists()


def is_mounted(folder):
    return any(line.split()[1] == str(folder) for line in open("/proc/mounts"))


def answers(folder):
    """Whether a live mount is there: one whose program was killed is mounted and answers nothing."""
    try:
        os.statvfs(folder)
    except OSError:
        return False
    return is_mounted(folder)


def unmount_hard(folder):
    """Takes away whatever is mounted there, stacked mounts too."""
    while ctypes.CDLL(None).umount2(str(folder).encode(), 2) == 0:
        pass


def failure(call, *args, **more):
    """The errno of a call that has to fail."""
    with pytest.raises(OSError) as caught:
        call(*args, **more)
    return caught.value.errno


def outcome(call, *args):
    """0, or the errno with which the call failed."""
    try:
        call(*args)
        return 0
    except OSError as error:
        return error.errno


def sh(script, folder, timeout_s=60):
    """Runs a bash script in a folder; it has to succeed. Returns what it printed."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True,
                          timeout=timeout_s * vasto_cluster.SLOW, check=False, stdin=subprocess.DEVNULL)
    text = done.stdout.decode(errors="surrogateescape")
    assert done.returncode == 0, f"{script}: {text}{done.stderr.decode(errors='replace')}"
    return text


class Mount:
    """A mount.vasto in the foreground on a private folder."""

    def __init__(self, cluster, folder, *options, source=""):
        self.folder = Path(folder)
        if not is_mounted(self.folder):
            self.folder.mkdir(exist_ok=True)
        self.log_path = Path(f"{folder}.log")
        argv = [MOUNT, cluster.address + source, self.folder, "-o", ",".join(("foreground", *options))]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=vasto_cluster.environment(cluster.folder))
        vasto_cluster.wait_until(lambda: answers(self.folder) or self.process.poll() is not None,
                                 "mount", timeout_s=20)
        assert self.process.poll() is None, self.log()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def status(self, name):
        """A number of the control file `status`."""
        text = (self.folder / ".vasto" / "status").read_text()
        return int(re.search(rf"^{name}: (\d+)$", text, re.M).group(1))

    def peak_kib(self):
        """The most memory the program has had resident at any time."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text).group(1))

    def stop(self):
        """Unmounts cleanly through SIGTERM; the program must end by itself. Returns its exit code."""
        self.process.terminate()
        code = self.process.wait(timeout=STOP_S * vasto_cluster.SLOW)
        assert not is_mounted(self.folder)
        return code

    def kill9(self):
        self.process.kill()
        self.process.wait(timeout=10)

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)
        unmount_hard(self.folder)
