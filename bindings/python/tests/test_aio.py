# SPDX-License-Identifier: Apache-2.0
"""The asynchronous client; that each call gives what the blocking one gives, the vectors show."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from support import PATIENT, Cluster, nothing_left

import vasto
import vasto.aio
from vasto.aio import _loop

Body = Callable[[vasto.aio.Client, vasto.aio.Keyspace], Awaitable[None]]


@pytest.fixture
def run(cluster: Cluster, name: str) -> Callable[[Body], None]:
    """Runs the body with an open client and keyspace; no operation may be left."""

    async def main(body: Body) -> None:
        async with vasto.aio.Client(cluster.master, config=PATIENT) as client:
            ks = await client.keyspace(name)
            await body(client, ks)
            await settled(ks)
        assert len(_loop._queues) == 0

    return lambda body: asyncio.run(asyncio.wait_for(main(body), 90))


async def settled(ks: vasto.aio.Keyspace) -> None:
    end = time.monotonic() + 20
    while ks._queue.in_flight:
        assert time.monotonic() < end, f"{ks._queue.in_flight} operations are left"
        await asyncio.sleep(0.01)


def test_every_operation(run: Callable[[Body], None]) -> None:
    async def body(client: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        version = await ks.put(b"a", b"1", ttl=3600)
        assert await ks.get(b"a") == b"1"
        assert await ks.get(b"b", 5) == 5
        value, stat = await ks.get_value(b"a"), await ks.stat(b"a")
        assert value is not None
        assert stat is not None
        assert (value.version, stat.size) == (version, 1)
        assert await ks.touch(b"a", 0) > version
        await ks.merge(b"n", vasto.Merge.ADD_INT64, 5)
        assert await ks.multi_get([b"a", b"b", b"n"]) == [b"1", None, b"5"]
        assert (await ks.multi_get_results([b"b"]))[0].code is vasto.Code.NOT_FOUND
        async with ks.batch() as batch:
            batch.put(b"c", b"3").delete(b"a")
        assert [key async for key in ks.keys(b"")] == [b"c", b"n"]
        assert dict([item async for item in ks.items()]) == {b"c": b"3", b"n": b"5"}
        session = ks.session()
        await ks.delete(b"c", session=session)
        assert await ks.get(b"c", session=session, replica=vasto.Replica.ANY) is None
        with pytest.raises(vasto.KeyNotFoundError):
            await ks.touch(b"c", 5)
        with pytest.raises(TypeError):
            await ks.get("text")  # type: ignore[call-overload]

    run(body)


def test_thousands_in_flight(run: Callable[[Body], None]) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        await asyncio.gather(*(ks.put(b"%d" % i, b"v%d" % i) for i in range(3000)))
        values = await asyncio.gather(*(ks.get(b"%d" % i) for i in range(3000)))
        assert values == [b"v%d" % i for i in range(3000)]

    run(body)


def test_scans(run: Callable[[Body], None]) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        async with ks.batch() as batch:
            for i in range(3000):
                batch.put(b"k%04d" % i, b"v")
        assert [row.key async for row in ks.scan(b"k")] == [b"k%04d" % i for i in range(3000)]
        async with ks.scan(b"k", page_bytes=5000) as scan:
            assert len(await scan.take(1500)) == 1500
            token = scan.resume_token()
        with pytest.raises(vasto.ClosedError):
            await scan.take(1)
        assert len(await ks.scan(b"k", resume_token=token).take(9999)) == 1500
        with pytest.raises(vasto.InvalidArgumentError):
            await ks.scan(b"x", resume_token=token).take(1)

    run(body)


def test_a_cancelled_wait_for_rows_loses_none(run: Callable[[Body], None]) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        async with ks.batch() as batch:
            for i in range(3000):
                batch.put(b"k%04d" % i, bytes(100))
        scan, keys = ks.scan(b"k", page_bytes=2000, block_rows=100), []
        cancelled = 0
        while True:
            task = asyncio.ensure_future(scan.take(100))
            await asyncio.sleep(0)
            cancelled += task.cancel()
            try:
                rows = await task
            except asyncio.CancelledError:
                rows = await scan.take(100)
            if not rows:
                break
            keys += [row.key for row in rows]
        assert cancelled > 10
        assert keys == [b"k%04d" % i for i in range(3000)]

    run(body)


def test_watches(run: Callable[[Body], None]) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        async with await ks.watch(b"w/") as watch:
            assert await watch.next(timeout=0) == []
            assert await watch.next(timeout=0.2) == []
            await ks.put(b"w/1", b"1")
            async for change in watch:
                assert (change.key, change.value) == (b"w/1", b"1")
                break
            for _again in range(3):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(watch.__anext__(), 0.05)
            waiting = asyncio.ensure_future(watch.__anext__())
            await asyncio.sleep(0.05)
            with pytest.raises(RuntimeError, match="in use by another"):
                await watch.next(timeout=0)
            await ks.delete(b"w/1")
            assert (await waiting).deleted
            token = watch.resume_token()
            waiting = asyncio.ensure_future(watch.__anext__())
            await asyncio.sleep(0.05)
            watch.close()
            with pytest.raises(vasto.ClosedError):
                await waiting
        await ks.put(b"w/2", b"2")
        async with await ks.watch(b"w/", resume_token=token) as again:
            changes = await again.next(timeout=20)
            assert changes[-1].value == b"2"

    run(body)


def test_a_cancelled_wait_for_changes_loses_none(run: Callable[[Body], None]) -> None:
    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        seen: list[bytes | None] = []
        async with await ks.watch() as watch:
            for i in range(40):
                await ks.put(b"a", b"%d" % i)
                task = asyncio.ensure_future(watch.__anext__())
                await asyncio.sleep(0.001 * (i % 5))
                task.cancel()
                with suppress(asyncio.CancelledError):
                    seen.append((await task).value)
            while seen[-1:] != [b"39"]:
                changes = await watch.next(timeout=20)
                assert changes, f"only these came: {seen}"
                seen += [change.value for change in changes]
        # Some may come again, as after the restart of a store.
        assert list(dict.fromkeys(seen)) == [b"%d" % i for i in range(40)]

    run(body)


def test_a_cancelled_task_cancels_its_operation_and_leaves_nothing(
    run: Callable[[Body], None], cluster: Cluster, name: str
) -> None:
    async def cancel_many(ks: vasto.aio.Keyspace) -> None:
        keys = [b"%d" % i for i in range(500)]
        tasks = [asyncio.ensure_future(ks.get(key)) for key in keys if ks.shard_of(key) == 0]
        await asyncio.sleep(0.1)
        assert ks._queue.in_flight > 50
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert any(isinstance(result, asyncio.CancelledError) for result in results)
        assert ks._queue.in_flight == 0

    async def body(_: vasto.aio.Client, ks: vasto.aio.Keyspace) -> None:
        await ks.put(b"a", b"1")
        with cluster.store_paused(name):
            await cancel_many(ks)  # the library opens its connections
            with nothing_left():
                await cancel_many(ks)
        assert await ks.get(b"a") == b"1"

    run(body)


def test_a_close_ends_what_is_in_flight(cluster: Cluster, name: str) -> None:
    async def main() -> None:
        client = await vasto.aio.Client(cluster.master, config=PATIENT).open()
        ks = await client.keyspace(name)
        watch = await ks.watch()
        change = asyncio.ensure_future(watch.__anext__())
        with cluster.store_paused(name):
            tasks = [asyncio.ensure_future(ks.get(b"%d" % i)) for i in range(300)]
            await asyncio.sleep(0.1)
            await client.close(timeout=0)
            results = await asyncio.gather(*tasks, change, return_exceptions=True)
        assert all(result is None or isinstance(result, vasto.ClosedError) for result in results)
        assert isinstance(results[-1], vasto.ClosedError)
        assert client.closed
        await client.close()
        for call in (
            lambda: ks.get(b"a"),
            lambda: ks.put(b"a", b""),
            lambda: ks.scan().take(1),
            ks.watch,
            lambda: client.keyspace(name),
            client.admin.usage,
        ):
            with pytest.raises(vasto.ClosedError):
                await call()
        assert len(_loop._queues) == 0

    with nothing_left():
        asyncio.run(main())


def test_two_clients_of_a_loop_share_its_queue(cluster: Cluster, name: str) -> None:
    async def main() -> None:
        async with (
            vasto.aio.Client(cluster.master, config=PATIENT) as one,
            vasto.aio.Client([cluster.master], config=PATIENT) as two,
        ):
            assert (await one.keyspace(name))._queue is (await two.keyspace(name))._queue
            await one.close()
            ks = await two.keyspace(name)
            assert await ks.get(b"a") is None

    asyncio.run(main())


def test_administration(cluster: Cluster) -> None:
    async def main() -> None:
        async with vasto.aio.Client(cluster.master, config=PATIENT) as client:
            name = f"py-{uuid.uuid4().hex}"
            operation = await client.admin.create_keyspace(name, shards=2)
            await operation.wait(60)
            assert (await operation.progress()).finished
            assert operation.id
            assert "stores" in await client.admin.describe(vasto.Describe.STORES)
            await (await client.admin.compact_keyspace(name)).wait(60)
            assert (await client.admin.usage(name)).capacity_bytes > 0
            await (await client.admin.delete_keyspace(name)).wait(60)
            with pytest.raises(vasto.NotFoundError):
                await client.keyspace(name)

    asyncio.run(main())


def test_wrong_uses_are_refused(cluster: Cluster, name: str) -> None:
    client = vasto.aio.Client(cluster.master, config=PATIENT)
    assert client.closed
    with pytest.raises(RuntimeError, match="not open"):
        _ = client.admin
    kept: list[Any] = []

    async def main() -> None:
        async with client:
            with pytest.raises(RuntimeError, match="is, or was, open"):
                await client.open()
            kept.append(await client.keyspace(name))

            def elsewhere() -> None:
                asyncio.run(kept[0].get(b"a"))

            with pytest.raises(RuntimeError, match="another event loop"):
                await asyncio.to_thread(elsewhere)

    asyncio.run(main())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(kept[0].get(b"a"))


def test_a_client_that_nobody_closed_warns_and_leaves_nothing(cluster: Cluster, name: str) -> None:
    @asynccontextmanager
    async def forgotten() -> AsyncIterator[vasto.aio.Keyspace]:
        client = await vasto.aio.Client(cluster.master, config=PATIENT).open()
        yield await client.keyspace(name)

    async def main() -> None:
        async with forgotten() as ks:
            assert await ks.get(b"a") is None
        with pytest.raises(vasto.ClosedError):
            await ks.get(b"a")

    with nothing_left(), pytest.warns(ResourceWarning, match=r"unclosed client .*vasto\.aio"):
        asyncio.run(main())
    assert len(_loop._queues) == 0
