# SPDX-License-Identifier: Apache-2.0
"""tools/quickstart in a copy of the tree: the two commands of the README and what they leave.

The programs are copies of those of the build folder; with VASTO_SOAK=1 one run builds its own, as
a newcomer's does.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

import vasto_cluster
from vasto_cluster import BUILD, MARK, ROOT, environment, wait_until

LICENCES = Path("/usr/share/common-licenses")
PROGRAMS = ("vasto-server", "vasto", "vastoadm", "mount.vasto")
RUN_S = 120
COLD_BUILD_S = 1800


def free_address():
    """Somebody else could take the port before the server does; nothing here listens on port 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Quickstart:
    """A private copy of what git knows of the tree, without any build, and an address of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.tree = folder / "vasto"
        self.mount = self.tree / "build/quickstart/mnt"
        self.address = free_address()
        self.env = {**environment(folder), "VASTO_QUICKSTART_LISTEN": self.address}
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        for name in filter(None, names.stdout.decode().split("\0")):
            if (ROOT / name).exists():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.tree / name)

    def use_copies_of_programs(self):
        """The programs that were built before, out of reach of a build that runs meanwhile."""
        build = self.folder / "programs"
        (build / "bin").mkdir(parents=True)
        for name in PROGRAMS:
            shutil.copy2(BUILD / "bin" / name, build / "bin" / name)
        shutil.copytree(BUILD / "lib", build / "lib", symlinks=True,
                        ignore=lambda _, names: [n for n in names if n.endswith(".a")])
        self.env["VASTO_QUICKSTART_BUILD"] = str(build)
        # They find their library where they were built, not here.
        self.env["LD_LIBRARY_PATH"] = str(build / "lib")

    def run(self, *argv, timeout_s=RUN_S):
        # To a file: what it starts keeps its output open.
        log = self.folder / "output"
        with open(log, "wb") as out:
            done = subprocess.run([self.tree / "tools/quickstart", *argv], cwd="/", env=self.env,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                  timeout=timeout_s, check=False)
        return done.returncode, log.read_text(errors="replace")

    def start(self, timeout_s=RUN_S):
        code, output = self.run(timeout_s=timeout_s)
        assert code == 0, output
        return output

    def server_pid(self):
        code, output = self.run("status")
        assert code == 0, output
        return int(re.search(r"runs as process (\d+) at " + re.escape(self.address), output)[1])

    def processes(self):
        mark = f"{MARK}={self.folder}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def mounts(self):
        return [line for line in Path("/proc/self/mounts").read_text().splitlines()
                if str(self.folder) in line]

    def assert_nothing_is_left(self):
        wait_until(lambda: not self.processes(), "every process to end")
        assert self.mounts() == []

    def clean(self):
        """Whatever a failed test left."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.mounts():
            subprocess.run(["umount", "-l", self.mount], check=False)


@pytest.fixture
def quickstart(tmp_path):
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    if vasto_cluster.SLOW > 1:
        pytest.skip("its C program links without sanitizers")
    made = Quickstart(tmp_path)
    yield made
    made.clean()


def check_first_run(quickstart, output):
    """What the README promises of the first command, and the second command."""
    count = len(list(LICENCES.iterdir()))
    assert count > 5
    same = f"{count} files are the same, by sha256, through cat, vasto get and libvasto"
    assert same in output
    assert f"ready {quickstart.address}" in output
    assert "Stop it: tools/quickstart stop" in output
    cat = subprocess.run(["cat", "build/quickstart/mnt/demo/GPL-3"], cwd=quickstart.tree,
                         capture_output=True, check=True, timeout=RUN_S)
    assert cat.stdout == (LICENCES / "GPL-3").read_bytes()


def check_life(quickstart):
    """Status, a second start, a stop, and a start that finds the data again."""
    pid = quickstart.server_pid()
    output = quickstart.start()
    assert "runs already" in output
    assert quickstart.server_pid() == pid
    assert len(quickstart.mounts()) == 1
    (quickstart.mount / "demo/greeting").write_text("hello\n")

    code, output = quickstart.run("stop")
    assert code == 0, output
    assert "stopped; the data stays in" in output
    quickstart.assert_nothing_is_left()
    code, output = quickstart.run("status")
    assert (code, output.strip()) == (1, "not running")
    code, output = quickstart.run("stop")
    assert (code, output.strip()) == (0, "not running")


def test_the_two_commands_of_the_readme(quickstart):
    quickstart.use_copies_of_programs()
    output = quickstart.start()
    assert "as they are" in output
    check_first_run(quickstart, output)
    check_life(quickstart)
    quickstart.start()
    assert (quickstart.mount / "demo/greeting").read_text() == "hello\n"
    assert quickstart.run("stop")[0] == 0
    quickstart.assert_nothing_is_left()


def test_a_server_whose_program_was_built_anew_is_still_known(quickstart):
    quickstart.use_copies_of_programs()
    quickstart.start()
    pid = quickstart.server_pid()
    program = quickstart.folder / "programs/bin/vasto-server"
    shutil.copy2(program, program.with_suffix(".new"))
    program.with_suffix(".new").rename(program)
    assert quickstart.server_pid() == pid
    assert quickstart.run("stop")[0] == 0
    quickstart.assert_nothing_is_left()


def test_a_start_that_fails_says_why_and_leaves_nothing(quickstart):
    quickstart.use_copies_of_programs()
    host, port = quickstart.address.split(":")
    with socket.create_server((host, int(port))):
        code, output = quickstart.run()
    assert code == 1
    assert "quickstart: error: the server did not start" in output
    assert f"cannot listen on {quickstart.address}: Address already in use" in output
    quickstart.assert_nothing_is_left()


def test_a_build_folder_without_programs_is_refused(quickstart):
    quickstart.env["VASTO_QUICKSTART_BUILD"] = str(quickstart.folder / "none")
    code, output = quickstart.run()
    assert code == 1
    assert f"there is no vasto-server in {quickstart.folder}/none/bin" in output
    quickstart.assert_nothing_is_left()


@pytest.mark.soak
def test_from_a_fresh_clone(quickstart):
    """Packages, a whole build, everything: nothing is shared but the compiler's cache."""
    for name in ("HOME", "CCACHE_DIR"):
        if name in os.environ:
            quickstart.env[name] = os.environ[name]
    output = quickstart.start(COLD_BUILD_S)
    assert f"programs: {quickstart.tree}/build/bin" in output
    check_first_run(quickstart, output)
    check_life(quickstart)
