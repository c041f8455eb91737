# SPDX-License-Identifier: Apache-2.0
"""Objects that are closed, dropped and used too late, in any order; interrupts, forks, the end of the interpreter."""

from __future__ import annotations

import asyncio
import gc
import itertools
import signal
import socket
import threading
import time
from collections import Counter
from typing import Any

import pytest
from support import PATIENT, Cluster, nothing_left, python, run_python

import vasto
import vasto.aio
from vasto import _library
from vasto._native import ffi

# What a script begins with; it has `client` and `ks` then.
OPEN = """
import gc, os, signal, sys, threading, time
import vasto
signal.signal(signal.SIGINT, signal.default_int_handler)
client = vasto.Client(os.environ["VASTO_TEST_MASTER"], config={{"timeout_ms": "60000"}})
ks = client.keyspace({name!r})
ks[b"a"] = b"1"
"""


def test_a_client_leaves_nothing(cluster: Cluster, name: str) -> None:
    def use() -> None:
        with vasto.Client(cluster.master, config=PATIENT) as client:
            ks = client.keyspace(name)
            ks[b"a"] = b"1"
            threads = [threading.Thread(target=lambda: ks[b"a"]) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            list(ks.scan())
            ks.watch().close()

    with nothing_left():
        for _ in range(5):
            use()


class Counting:
    """The library, counting futures that began and went, and values that were taken and went."""

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self.counts: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._lib, name)
        if not callable(function):
            return function

        def call(*arguments: Any) -> Any:
            result = function(*arguments)
            if name.endswith("_async"):
                self.counts["futures begun"] += result == vasto.Code.OK
            elif name.startswith("vasto_queue_start_"):
                self.counts["futures begun"] += sum(future != ffi.NULL for future in ffi.unpack(*of_start(arguments)))
            elif name == "vasto_future_destroy_block":
                self.counts["vasto_future_destroy"] += arguments[1]
            elif name.endswith("_destroy"):
                self.counts[name] += arguments[0] != ffi.NULL
            elif name == "vasto_future_take_values":
                self.counts["values taken"] += sum(
                    value != ffi.NULL for value in ffi.unpack(arguments[1], arguments[3])
                )
            return result

        return call


def of_start(arguments: tuple[Any, ...]) -> tuple[Any, int]:
    """The futures that a vasto_queue_start_gets or _puts started, and their number."""
    return arguments[-2], arguments[-4]


def test_every_future_and_value_goes_whatever_became_of_it(
    cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(_library.library().lib)
    monkeypatch.setattr(_library.library(), "lib", counting)

    async def main() -> None:
        async with vasto.aio.Client(cluster.master, config=PATIENT) as client:
            ks = await client.keyspace(name)
            await ks.put(b"a", b"1")
            with pytest.raises(vasto.AlreadyExistsError):
                await ks.put(b"a", b"2", if_absent=True)
            tasks = [asyncio.ensure_future(ks.get(b"a")) for _ in range(100)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await ks.multi_get([b"%d" % i for i in range(100)] + [b"a"])
            forgotten = asyncio.ensure_future(ks.get(b"a"))
            await asyncio.sleep(0)
            forgotten.cancel()
            async for _ in ks.scan():
                break

    with vasto.Client(cluster.master, config=PATIENT) as client:
        ks = client.keyspace(name)
        ks.put(b"a", b"1")
        assert ks.get(b"b") is None
        assert ks.get_value(b"a") is not None
        with pytest.raises(vasto.KeyNotFoundError):
            ks.touch(b"b", 1)
        with pytest.raises(vasto.TooLargeError):
            ks.get(bytes(vasto.MAX_KEY_SIZE + 1))
        assert ks.multi_get([b"a"] * 60 + [b"b"]) == [b"1"] * 60 + [None]
        assert len(list(ks.scan())) == 1
        ks.batch().delete(b"a").write()
    asyncio.run(main())
    gc.collect()
    counts = counting.counts
    assert counts["futures begun"] == counts["vasto_future_destroy"] > 100
    assert counts["values taken"] == counts["vasto_value_destroy"] > 50


def test_every_call_on_a_closed_client_says_so(cluster: Cluster, name: str) -> None:
    client = vasto.Client(cluster.master, config=PATIENT)
    ks = client.keyspace(name)
    ks[b"a"] = b"1"
    scan, session, value = ks.scan(), ks.session(), ks.get_value(b"a")
    operation = client.admin.compact_keyspace(name)
    client.close()
    client.close()
    client.close(timeout=0)
    assert client.closed
    for call in (
        lambda: ks.get(b"a"),
        lambda: ks.put(b"a", b""),
        lambda: ks.multi_get([b"a"]),
        lambda: ks.batch().put(b"a", b"").write(),
        lambda: next(scan),
        lambda: ks.scan().take(1),
        ks.watch,
        lambda: client.keyspace(name),
        client.admin.usage,
        lambda: client.admin.create_keyspace("x"),
        operation.wait,
    ):
        with pytest.raises(vasto.ClosedError) as raised:
            call()
        assert not raised.value.retryable
    assert ks.name == name
    assert ks.shard_count == 4
    assert session.token()
    assert value is not None
    assert value.data == b"1"


def test_a_close_ends_the_calls_of_other_threads(cluster: Cluster, name: str) -> None:
    client = vasto.Client(cluster.master, config=PATIENT)
    ks = client.keyspace(name)
    ended: list[object] = []

    def read() -> None:
        try:
            while True:
                ks.get(b"a")
        except vasto.VastoError as error:
            ended.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    client.close(timeout=0)
    for thread in threads:
        thread.join(30)
    assert [type(error) for error in ended] == [vasto.ClosedError] * 8


def test_a_forgotten_client_warns_and_is_closed(cluster: Cluster, name: str) -> None:
    def forget() -> vasto.Keyspace:
        client = vasto.Client(cluster.master, config=PATIENT)
        return client.keyspace(name)

    with nothing_left():
        with pytest.warns(ResourceWarning, match=r"unclosed client <vasto\._client\.Client"):
            ks = forget()
        with pytest.raises(vasto.ClosedError):
            ks.get(b"a")
        del ks
    with pytest.raises(TypeError):
        vasto.Client(5)  # type: ignore[arg-type]
    gc.collect()


def test_objects_may_go_in_any_order(cluster: Cluster, name: str) -> None:
    for order in itertools.islice(itertools.permutations(range(5)), 0, None, 5):
        client = vasto.Client(cluster.master, config=PATIENT)
        ks = client.keyspace(name)
        objects: list[Any] = [client, ks, ks.scan(), ks.batch().put(b"a", b""), ks.session()]
        if order[-1] % 2:
            client.close(timeout=0)
        del client, ks
        with pytest.warns(ResourceWarning) if not order[-1] % 2 else nothing_left():
            for index in order:
                objects[index] = None
        gc.collect()


@pytest.mark.parametrize(
    "ending",
    [
        "client.close()",
        "client.close(); del client, ks; gc.collect()",
        "scan = ks.scan(); next(scan); watch = ks.watch(); batch = ks.batch(); client.close()",
        "del ks; client.close(); sys.stdout.flush(); os._exit(0)",
        "cycle = [client, ks]; cycle.append(cycle); client.close(); del client, ks, cycle",
        "sys.keep = [ks, ks.scan(), ks.watch(), ks.session(), ks.batch(), client.admin]; client.close()",
    ],
)
def test_the_interpreter_ends_well(name: str, ending: str) -> None:
    assert run_python(OPEN.format(name=name) + ending + "\n") == ""


def test_the_interpreter_ends_well_with_clients_left_open_and_threads_in_calls(name: str) -> None:
    script = (
        OPEN.format(name=name)
        + """
masters = os.environ["VASTO_TEST_MASTER"]
noisy = vasto.Client(masters, log=lambda level, text: len(text), log_level=vasto.LogLevel.DEBUG)
other = noisy.keyspace(ks.name)
watch = other.watch()
def run(call):
    try:
        while True:
            call()
    except vasto.ClosedError:
        pass
for call in (lambda: ks.get(b"a"), lambda: other.get(b"a"), lambda: next(watch), lambda: list(ks.scan())):
    threading.Thread(target=run, args=(call,), daemon=True).start()
time.sleep(0.2)
print("end")
"""
    )
    process = python(script, "-W", "ignore::ResourceWarning")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "end\n", "")


def test_a_forked_child_is_told_and_may_open_its_own(name: str) -> None:
    script = (
        OPEN.format(name=name)
        + """
scan, watch, batch = ks.scan(), ks.watch(), ks.batch().put(b"b", b"2")
child = os.fork()
if child == 0:
    try:
        calls = (lambda: ks.get(b"a"), lambda: ks.put(b"a", b""), lambda: next(scan), lambda: next(watch),
                 batch.write, lambda: client.keyspace("x"), client.admin.usage, client.close)
        for call in calls:
            try:
                call()
            except vasto.ForkedError as error:
                assert "open a client in this process" in str(error), error
            else:
                raise AssertionError("not told")
        with vasto.Client(os.environ["VASTO_TEST_MASTER"]) as own:
            assert own.keyspace(ks.name)[b"a"] == b"1"
        del scan, watch, batch, ks, client, calls, call
        gc.collect()
    except BaseException as error:
        print(repr(error), flush=True)
        os._exit(1)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert ks[b"a"] == b"1"
client.close()
print("fine")
"""
    )
    assert run_python(script, "-W", "ignore::DeprecationWarning") == "fine\n"


def test_processes_of_multiprocessing_are_told(name: str) -> None:
    script = (
        OPEN.format(name=name)
        + """
import multiprocessing
def work(_):
    try:
        ks.get(b"a")
    except vasto.ForkedError as error:
        return error
with multiprocessing.get_context("fork").Pool(2) as pool:
    errors = pool.map(work, range(4))
    assert all(type(error) is vasto.ForkedError for error in errors), errors
    pool.close()
    pool.join()
client.close()
print("fine")
"""
    )
    assert run_python(script, "-W", "ignore::DeprecationWarning") == "fine\n"


@pytest.mark.parametrize(
    "waiting",
    [
        "next(ks.watch())",
        "ks.watch().next()",
        "[ks.get(b'a') for _ in iter(int, 1)]",
        "[row for _ in iter(int, 1) for row in ks.scan()]",
        "[client.admin.usage() for _ in iter(int, 1)]",
        "[client.keyspace(ks.name) for _ in iter(int, 1)]",
    ],
)
def test_ctrl_c_ends_a_process_that_waits(name: str, waiting: str) -> None:
    script = OPEN.format(name=name) + f"print('waits', flush=True)\n{waiting}\n"
    process = python(script, "-W", "ignore::ResourceWarning")
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    time.sleep(0.3)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT
    assert time.monotonic() - start < 10


def test_an_interpreter_that_is_interrupted_in_a_thread_of_its_own_ends_well(name: str) -> None:
    """Again and again: what goes wrong here does so once in twenty times."""
    script = OPEN.format(name=name) + "print('waits', flush=True)\nwhile True: client.keyspace(ks.name)\n"
    for delay_ms in range(20, 120, 5):
        process = python(script, "-W", "ignore::ResourceWarning")
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        time.sleep(delay_ms / 1000)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGINT, errors


def test_an_interrupted_call_leaves_nothing_and_the_client_goes_on(
    cluster: Cluster, client: vasto.Client, ks: vasto.Keyspace, name: str
) -> None:
    key = next(key for key in (b"%d" % i for i in range(100)) if ks.shard_of(key) == 0)
    ks[key] = b"1"

    def interrupted(call: Any) -> None:
        timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
        start = time.monotonic()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            call()
        timer.join()
        assert time.monotonic() - start < 3

    scan = ks.scan(key)
    calls = (
        lambda: ks.get(key),
        lambda: ks.put(key, b"2"),
        lambda: ks.batch().put(key, b"2").write(),
        lambda: next(scan),
    )
    with cluster.store_paused(name):
        for call in calls:
            interrupted(call)
        with nothing_left():
            for call in calls:
                interrupted(call)
    assert ks[key] in (b"1", b"2")
    assert next(scan).key == key
    client.close()


INTERRUPTED = """
import random

armed = True

def interrupt(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt

def until_interrupted(call, after_s):
    global armed
    armed = True
    signal.setitimer(signal.ITIMER_REAL, after_s)
    while armed:
        call()

signal.signal(signal.SIGALRM, interrupt)
moments = random.Random(1)
descriptors = lambda: len(os.listdir("/proc/self/fd"))
before = descriptors()
for call in (lambda: ks[b"a"], lambda: ks.put(b"a", b"1")):
    for _ in range(1500):
        try:
            until_interrupted(call, moments.uniform(20e-6, 400e-6))
        except KeyboardInterrupt:
            pass
gc.collect()
end = time.monotonic() + 10
while descriptors() > before and time.monotonic() < end:
    time.sleep(0.01)
print(descriptors() - before)
client.close()
"""


def test_interrupts_at_any_moment_leave_nothing(name: str) -> None:
    left = int(run_python(OPEN.format(name=name) + INTERRUPTED))
    # Those of the one queue that waits for the next call go when that is interrupted, too.
    assert left <= 0


def test_opening_is_interrupted_and_leaves_nothing() -> None:
    with socket.socket() as listener:  # that never answers
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with nothing_left():
            timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
            timer.start()
            start = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                vasto.Client(address, config={"connect_timeout_ms": "2500"})
            assert time.monotonic() - start < 2
            timer.join()
