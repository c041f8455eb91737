# SPDX-License-Identifier: Apache-2.0
"""Starts real Vasto processes for a test and takes them down again.

A Cluster owns a private folder, a master and stores (or one vasto-server), all on free ports. Every
wait has a deadline. close() stops everything, asserts that SIGTERM was enough, that nothing
crashed, and that no process of the test is left.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("VASTO_BUILD", ROOT / "build")).resolve()
BIN = BUILD / "bin"
MARK = "VASTO_TEST_FOLDER"  # every process of a test carries it in its environment
SLOW = 4 if re.search("asan|tsan", BUILD.name) else 1  # sanitized programs get more time
READY_S = 15 * SLOW
STOP_S = 5 * SLOW

# A job in the background of a script is started with SIGINT ignored, and would pass that on. (A worker
# of pytest-xdist may be another thread; the process that started it has done this.)
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


class CommandFailed(Exception):
    """A tool exited with another code than the test wanted."""


class Result:
    """What a tool left: its exit code and output, as bytes (out) and text (text, err)."""

    def __init__(self, argv, code, out, err):
        self.argv = argv
        self.code = code
        self.out = out
        self.err = err.decode(errors="replace")

    @property
    def text(self):
        return self.out.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return (f"$ {' '.join(map(str, self.argv))}\nexit code {self.code}\n"
                f"stdout: {self.text[-2000:]}\nstderr: {self.err[-2000:]}")


def wait_until(condition, what, timeout_s=10, interval_s=0.02):
    """Returns the first true value of condition(); fails, naming `what`, when time is up."""
    deadline = time.monotonic() + timeout_s * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s * SLOW} s for {what}")
        time.sleep(interval_s)


def environment(folder):
    """The environment of every process of a test: ours, without VASTO_*, with the mark."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("VASTO_")}
    suppressions = ROOT / "tests/sanitizers"
    kept["LSAN_OPTIONS"] = f"suppressions={suppressions}/lsan.supp:print_suppressions=0"
    kept["TSAN_OPTIONS"] = f"suppressions={suppressions}/tsan.supp:exitcode=66:atexit_sleep_ms=50"
    kept["UBSAN_OPTIONS"] = "print_stacktrace=1"
    kept["HOME"] = str(folder)
    kept[MARK] = str(folder)
    return kept


class Process:
    """One daemon: its command line, its log, the address of its ready line."""

    def __init__(self, name, argv, folder, env=None):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.folder = folder
        self.log_path = folder / f"{name}.log"
        self.address = None
        self.lines = []  # of stdout
        self.expected_codes = {0}
        self._ready = threading.Event()
        with open(self.log_path, "ab") as log:
            log.write(f"--- {' '.join(self.argv)}\n".encode())
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                cwd=folder, env=env or environment(folder), start_new_session=True)
        self._reader = threading.Thread(target=self._read, name=f"stdout of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self.popen.pid

    def _read(self):
        for raw in self.popen.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            self.lines.append(line)
            match = re.fullmatch(r"ready (\S+:\d+)", line)
            if match and not self.address:
                self.address = match.group(1)
                self._ready.set()
        self._ready.set()  # end of output: let the waiter see that it is gone

    def wait_ready(self, timeout_s=READY_S):
        self._ready.wait(timeout_s)
        if self.address is None:
            try:
                state = f"exited with {self.popen.wait(1)}"
            except subprocess.TimeoutExpired:
                state = "runs"
            raise AssertionError(f"{self.name} is not ready after {timeout_s} s ({state}):\n"
                                 + self.log()[-3000:])
        return self

    @property
    def alive(self):
        return self.popen.poll() is None

    def kill9(self):
        self.expected_codes = {-signal.SIGKILL}
        self.popen.kill()
        self.popen.wait(STOP_S)
        self._reader.join(STOP_S)

    def signal(self, number):
        self.popen.send_signal(number)

    @contextlib.contextmanager
    def paused(self):
        """Meanwhile the process answers nothing, like a machine whose network cable was pulled."""
        self.signal(signal.SIGSTOP)
        try:
            # kill() returns before the threads on other cores have stopped; the kernel reports the
            # stop to the parent when the last one has.
            stopped = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
            wait_until(lambda: os.waitid(os.P_PID, self.pid, stopped), f"{self.name} to stop")
            yield
        finally:
            self.signal(signal.SIGCONT)

    def stop(self, timeout_s=STOP_S):
        """SIGTERM; must be enough within the 5 s of the contract. Returns the exit code."""
        if self.alive:
            self.popen.terminate()
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.expected_codes = {None}
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.name} did not stop within {timeout_s} s of SIGTERM") \
                from None
        finally:
            self._reader.join(STOP_S)

    def log(self):
        try:
            return self.log_path.read_text(errors="replace")
        except OSError:
            return ""

    def memory_kib(self):
        """Resident memory now."""
        match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        return int(match.group(1))

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Cluster:
    """A master and `stores` stores, or with server=True one vasto-server.

    master_flags, store_flags: more flags, a list. store_flags may be a function of the store's
    index. Use as a context manager or call close().
    """

    def __init__(self, stores=1, server=False, master_flags=(), store_flags=(), server_flags=(),
                 start=True):
        self.folder = Path(tempfile.mkdtemp(prefix="vasto-test-"))
        self.processes = []  # every one ever started
        self.master = None
        self.stores = {}     # index -> Process
        self.address = None
        self.master_flags = list(master_flags)
        self.store_flags = store_flags
        self._closed = False
        if not start:
            return
        try:
            if server:
                self.start_server(stores, server_flags)
            else:
                self.start_all(stores)
        except BaseException:
            self.kill_all()
            raise

    # starting and stopping

    def spawn(self, name, *argv):
        process = Process(name, argv, self.folder, self.environment_of(name))
        self.processes.append(process)
        return process

    def environment_of(self, name):
        """Of the process of this name."""
        del name
        return environment(self.folder)

    def start_all(self, stores):
        """The master and the stores 0 to stores - 1, and waits until it counts them."""
        self.start_master()
        for index in range(stores):
            self.start_store(index, wait=False)
        for process in self.stores.values():
            process.wait_ready()
        self.wait_for_stores(stores)

    def start_master(self):
        listen = self.address or "127.0.0.1:0"
        self.master = self.spawn("master", BIN / "vasto-master", "--listen", listen,
                                 *self.master_flags).wait_ready()
        self.address = self.master.address
        return self.master

    def store_folder(self, index):
        return self.folder / f"store{index}"

    def start_store(self, index, wait=True, address="127.0.0.1:0", flags=()):
        more = self.store_flags(index) if callable(self.store_flags) else self.store_flags
        self.store_folder(index).mkdir(exist_ok=True)
        process = self.spawn(f"store{index}", BIN / "vasto-store", "--master", self.address,
                             "--dir", self.store_folder(index), "--listen", address, *more, *flags)
        self.stores[index] = process
        return process.wait_ready() if wait else process

    def restart_store(self, index, same_port=True):
        old = self.stores[index]
        if old.alive:
            assert old.stop() == 0
        return self.start_store(index, address=old.address if same_port else "127.0.0.1:0")

    def start_server(self, stores=1, flags=(), name="server"):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        self.master = self.spawn(name, BIN / "vasto-server", "--dir", folder, "--listen",
                                 self.address or "127.0.0.1:0", "--stores", stores,
                                 *flags).wait_ready()
        self.address = self.master.address
        return self.master

    def wait_for_stores(self, count, timeout_s=10):
        """Until the master counts this many live stores."""
        return wait_until(lambda: self.live_store_count() == count,
                          f"{count} live stores", timeout_s)

    def live_store_count(self):
        result = self.vastoadm("-o", "json", "store", "list", check=None)
        if result.code != 0:
            return -1
        return sum(1 for s in result.json["stores"] if s["state"] in ("alive", "up", "live"))

    # tools

    def run(self, program, *argv, input=None, check=0, timeout_s=60, env=None):
        """Runs a program of build/bin to its end. check: the exit code wanted, None for any."""
        argv = [str(BIN / program), *[a if isinstance(a, bytes) else str(a) for a in argv]]
        stdin = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(argv, capture_output=True, timeout=timeout_s * SLOW, check=False,
                              cwd=self.folder, env={**environment(self.folder), **(env or {})},
                              **stdin)
        result = Result(argv, done.returncode, done.stdout, done.stderr)
        if check is not None and result.code != check:
            raise CommandFailed(f"wanted exit code {check}\n{result}")
        return result

    def vasto(self, *argv, **kwargs):
        return self.run("vasto", "-m", self.address, *argv, **kwargs)

    def vastoadm(self, *argv, **kwargs):
        return self.run("vastoadm", "-m", self.address, *argv, **kwargs)

    def create(self, name, shards=1, replicas=1, *more, **kwargs):
        return self.vastoadm("keyspace", "create", name, "--shards", shards, "--replicas", replicas,
                             *more, **kwargs)

    def describe(self, name):
        """The keyspace object of `keyspace describe`: id, shard_list, ..."""
        answer = self.vastoadm("-o", "json", "keyspace", "describe", name).json
        assert answer["schema"] == 1
        return answer["keyspace"]

    def placement(self, name):
        """[[store id of each replica] of each shard]."""
        return [[r["store"] for r in shard["replicas"]]
                for shard in self.describe(name)["shard_list"]]

    def keyspaces(self):
        listing = self.vastoadm("-o", "json", "keyspace", "list").json
        return sorted(k["name"] for k in listing["keyspaces"])

    def put(self, keyspace, key, value, **kwargs):
        return self.vasto("put", keyspace, key, "-", input=value, **kwargs)

    def get(self, keyspace, key, **kwargs):
        return self.vasto("get", keyspace, key, **kwargs).out

    # the end

    def strays(self):
        """Processes that carry this cluster's mark, other than those started here."""
        mark = f"{MARK}={self.folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((int(entry.name), (entry / "cmdline").read_bytes()
                                  .replace(b"\0", b" ").decode(errors="replace")))
            except OSError:
                continue
        return found

    def kill_all(self):
        """The hard way, for tests that failed: kill everything with the mark, keep the logs."""
        for process in self.processes:
            process.expected_codes = {process.popen.poll(), -signal.SIGKILL}
        for pid, _ in self.strays():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for process in self.processes:
            process.popen.wait(STOP_S)
        wait_until(lambda: not self.strays(), "killed processes to be gone")
        self._closed = True

    def close(self):
        """Stops everything; AssertionError when something is not as it should be."""
        if self._closed:
            return
        problems = []
        # Stores before the master, so that each can say goodbye.
        for process in reversed(self.processes):
            try:
                code = process.stop()
            except AssertionError as error:
                problems.append(str(error))
                continue
            if code not in process.expected_codes:
                problems.append(f"{process.name} exited with {code}:\n{process.log()[-3000:]}")
        # What helps a process, as the symbolizer of a sanitizer, ends a moment after it.
        try:
            wait_until(lambda: not self.strays(), "helpers to end", 1)
        except AssertionError:
            problems.append(f"left running: {self.strays()}")
        self.kill_all()
        if problems:
            raise AssertionError("\n".join(problems))
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self):
        """The end of every log, for the report of a failed test."""
        return "\n".join(f"===== {path.name}\n{path.read_text(errors='replace')[-4000:]}"
                         for path in sorted(self.folder.glob("*.log")))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.kill_all()
