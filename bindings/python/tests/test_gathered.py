# SPDX-License-Identifier: Apache-2.0
"""Gets and puts that begin in one turn of an event loop and are started with one call: nobody else notices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support import PATIENT, Cluster

import vasto
import vasto.aio
from vasto import _library
from vasto.aio import _loop

Body = Callable[[vasto.aio.Client, vasto.aio.Keyspace], Awaitable[None]]


class Recording:
    """The library, noting which calls started how many operations."""

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self.starts: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._lib, name)
        if not name.startswith("vasto_queue_start_") and not name.endswith("_async"):
            return function

        def call(*arguments: Any) -> Any:
            what = name.replace("vasto_queue_start_", "").replace("vasto_", "")
            self.starts.append((what, 1 if name.endswith("_async") else arguments[-4]))
            return function(*arguments)

        return call


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    recording = Recording(_library.library().lib)
    monkeypatch.setattr(_library.library(), "lib", recording)
    return recording


@pytest.fixture
def run(cluster: Cluster, name: str) -> Callable[[Body], None]:
    async def main(body: Body) -> None:
        async with vasto.aio.Client(cluster.master, config=PATIENT) as client:
            await body(client, await client.keyspace(name))

    return lambda body: asyncio.run(asyncio.wait_for(main(body), 90))


def test_one_call_starts_what_begins_in_one_turn(run: Callable[[Body], None], recording: Recording) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        most = _loop._MOST_GATHERED
        keys = [b"%d" % i for i in range(3 * most + 1)]
        await asyncio.gather(*(ks.put(key, b"v" + key) for key in keys[:most]))
        await asyncio.gather(*(ks.put(key, b"v" + key) for key in keys[most : most + 5]))
        assert await asyncio.gather(*(ks.get(key) for key in keys)) == [
            b"v" + key if i < most + 5 else None for i, key in enumerate(keys)
        ]
        assert recording.starts == [("puts", most), ("puts", 5), *[("gets", most)] * 3, ("gets", 1)]

    run(body)


def test_operations_start_in_the_order_of_their_calls(run: Callable[[Body], None], recording: Recording) -> None:
    async def body(client: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        again = await client.keyspace(ks.name)
        await asyncio.gather(
            ks.put(b"a", b"1"),
            ks.put(b"a", b"2"),
            ks.get(b"a"),
            ks.get_value(b"a"),
            ks.stat(b"a"),
            ks.get(b"a"),
            ks.get(b"a", timeout=30),
            ks.get(b"a"),
            again.get(b"a"),
            ks.delete(b"b"),
            ks.put(b"b", b"3"),
        )
        assert recording.starts == [
            ("puts", 2),
            ("gets", 2),
            ("stat_async", 1),
            *[("gets", 1)] * 4,
            ("delete_async", 1),
            ("puts", 1),
        ]
        assert (await ks.get(b"a"), await ks.get(b"b")) == (b"2", b"3")

    run(body)


def test_a_bad_key_among_others_fails_alone(run: Callable[[Body], None], recording: Recording) -> None:
    bad = bytes(vasto.MAX_KEY_SIZE + 1)

    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        for begin, good in ((lambda key: ks.put(key, b"v"), int), (ks.get, bytes)):
            recording.starts.clear()
            calls: list[Awaitable[Any]] = [begin(key) for key in (b"a", bad, b"b", bad, b"c")]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(result) for result in results] == [good, vasto.TooLargeError, good, vasto.TooLargeError, good]
            assert "key" in str(results[1])
            assert [count for _, count in recording.starts] == [5]

    run(body)


def test_a_failed_start_fails_each_with_an_error_of_its_own(run: Callable[[Body], None]) -> None:
    async def body(client: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        await client.close()
        results = await asyncio.gather(*(ks.get(b"a") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [vasto.ClosedError] * 3
        assert len(set(map(id, results))) == 3
        assert all(isinstance(result, vasto.ClosedError) and not result.retryable for result in results)

    run(body)


def test_a_task_cancelled_before_the_start_leaves_the_others(run: Callable[[Body], None], recording: Recording) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        await asyncio.gather(*(ks.put(b"%d" % i, b"%d" % i) for i in range(9)))
        recording.starts.clear()
        tasks = [asyncio.ensure_future(ks.get(b"%d" % i)) for i in range(9)]

        def cancel_some() -> None:
            for task in tasks[::2]:
                task.cancel()

        # In the turn in which the tasks begin, behind them.
        asyncio.get_running_loop().call_soon(cancel_some)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results[::2]] == [asyncio.CancelledError] * 5
        assert results[1::2] == [b"%d" % i for i in range(1, 9, 2)]
        assert ks._queue.in_flight == 0

    run(body)


def test_a_task_cancelled_within_its_turn_starts_nothing(run: Callable[[Body], None], recording: Recording) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        coroutine = ks.put(b"a", b"1")
        coroutine.send(None)
        with pytest.raises(asyncio.CancelledError):
            coroutine.throw(asyncio.CancelledError())
        await asyncio.sleep(0)
        assert recording.starts == []
        assert await ks.get(b"a") is None

    run(body)


def test_bytes_may_change_as_soon_as_the_task_waits(run: Callable[[Body], None]) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        key, value = bytearray(b"a"), bytearray(b"1")
        tasks = [asyncio.ensure_future(ks.put(b"a", value)), asyncio.ensure_future(ks.get(key))]
        loop = asyncio.get_running_loop()
        loop.call_soon(key.extend, b"x")
        loop.call_soon(value.extend, b"2")
        await asyncio.gather(*tasks)
        assert bytes(key + value) == b"ax12"
        assert await ks.get(memoryview(b"a")) == b"1"
        assert await ks.get(key) is None

    run(body)


def test_a_close_waits_for_what_was_gathered(cluster: Cluster, name: str) -> None:
    async def main() -> None:
        client = await vasto.aio.Client(cluster.master, config=PATIENT).open()
        ks = await client.keyspace(name)
        task = asyncio.ensure_future(ks.put(b"a", b"1"))
        closing = asyncio.ensure_future(client.close(timeout=30))
        assert await task > 0
        await closing

    asyncio.run(main())


def test_other_tasks_run_while_many_operate(run: Callable[[Body], None]) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        running, turns = True, 0

        async def operate() -> int:
            count = 0
            while running:
                await ks.get(b"a")
                count += 1
            return count

        tasks = [asyncio.ensure_future(operate()) for _ in range(50)]
        while turns < 200:
            await asyncio.sleep(0)
            turns += 1
        running = False
        counts = await asyncio.gather(*tasks)
        assert min(counts) > 0
        assert max(counts) <= 2 * turns

    run(body)
