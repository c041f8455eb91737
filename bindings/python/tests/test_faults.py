# SPDX-License-Identifier: Apache-2.0
"""Clusters that cannot be reached, keyspaces that go away, and stores that are killed."""

from __future__ import annotations

import asyncio
import pickle
import time

import pytest
from support import Cluster, nothing_left

import vasto
import vasto.aio

OPERATIONS = 10_000
IN_FLIGHT = 256
TIMEOUT = 20.0


def test_a_cluster_that_is_not_there_is_unavailable() -> None:
    with nothing_left():
        start = time.monotonic()
        with pytest.raises(vasto.UnavailableError) as raised:
            vasto.Client("127.0.0.1:1", config={"connect_timeout_ms": "300"})
        assert time.monotonic() - start < 10
        assert raised.value.retryable
        assert not raised.value.in_doubt
        assert isinstance(raised.value, ConnectionError)
        with pytest.raises(vasto.InvalidArgumentError):
            vasto.Client()

        async def main() -> None:
            with pytest.raises(vasto.UnavailableError):
                await vasto.aio.Client("127.0.0.1:1", config={"connect_timeout_ms": "300"}).open()

        asyncio.run(main())


def test_a_deleted_keyspace_is_an_error_and_never_a_missing_key(cluster: Cluster, client: vasto.Client) -> None:
    with cluster.keyspace() as name:
        ks = client.keyspace(name)
        ks[b"a"] = b"1"
        watch = ks.watch()
        client.admin.delete_keyspace(name).wait(60)
        for call in (
            lambda: ks.get(b"a"),
            lambda: ks[b"a"],
            lambda: b"a" in ks,
            lambda: ks.put(b"a", b"2"),
            lambda: ks.delete(b"a"),
            lambda: ks.touch(b"a", 5),
            lambda: ks.multi_get([b"a", b"b"]),
            lambda: ks.multi_get_results([b"a", b"b"]),
            lambda: ks.batch().put(b"a", b"").write(),
            lambda: ks.scan().take(1),
            lambda: next(watch),
            ks.watch,
        ):
            with pytest.raises(vasto.NotFoundError) as raised:
                call()
            assert not isinstance(raised.value, KeyError)
        with pytest.raises(vasto.NotFoundError) as of_batch:
            ks.batch().put(b"a", b"").delete(b"b").write()
        assert [result.code for result in of_batch.value.results] == [vasto.Code.NOT_FOUND] * 2


def test_a_deleted_keyspace_is_an_error_in_asyncio(cluster: Cluster) -> None:
    async def main(name: str) -> None:
        async with vasto.aio.Client(cluster.master) as client:
            ks = await client.keyspace(name)
            await ks.put(b"a", b"1")
            await (await client.admin.delete_keyspace(name)).wait(60)
            for call in (
                lambda: ks.get(b"a"),
                lambda: ks.multi_get([b"a", b"b"]),
                lambda: ks.multi_get_results([b"a", b"b"]),
                lambda: ks.batch().put(b"a", b"").write(),
            ):
                with pytest.raises(vasto.NotFoundError) as raised:
                    await call()
                assert not isinstance(raised.value, KeyError)

    with cluster.keyspace() as name:
        asyncio.run(main(name))


def test_a_keyspace_of_the_same_name_is_another_one(cluster: Cluster, client: vasto.Client) -> None:
    with cluster.keyspace() as name:
        old = client.keyspace(name)
        client.admin.delete_keyspace(name).wait(60)
        client.admin.create_keyspace(name).wait(60)
        new = client.keyspace(name)
        assert new.id != old.id
        new[b"a"] = b"1"
        with pytest.raises(vasto.NotFoundError):
            old.get(b"a")


def test_a_deadline_ends_an_operation(cluster: Cluster, client: vasto.Client, name: str) -> None:
    ks = client.keyspace(name)
    key = next(key for key in (b"%d" % i for i in range(100)) if ks.shard_of(key) == 0)
    ks[key] = b"1"
    with cluster.store_paused(name):
        start = time.monotonic()
        with pytest.raises((vasto.OperationTimeoutError, vasto.UnavailableError)) as read:
            ks.get(key, timeout=0.3)
        assert 0.1 < time.monotonic() - start < 10
        assert read.value.retryable
        assert not read.value.in_doubt
        with pytest.raises((vasto.OperationTimeoutError, vasto.UnavailableError)) as write:
            ks.put(key, b"2", timeout=0.3)
        assert write.value.retryable
    assert ks[key] in (b"1", b"2")


def test_errors_go_to_other_processes(ks: vasto.Keyspace) -> None:
    ks[b"a"] = b"1"
    with pytest.raises(vasto.AlreadyExistsError) as raised:
        ks.batch().put(b"a", b"2", if_absent=True).write()
    copy = pickle.loads(pickle.dumps(raised.value))
    assert type(copy) is vasto.AlreadyExistsError
    assert (str(copy), copy.code, copy.results) == (str(raised.value), raised.value.code, raised.value.results)
    timeout = vasto.OperationTimeoutError(4, "late", origin="10.0.0.1:1", retryable=True, in_doubt=True)
    copy = pickle.loads(pickle.dumps(timeout))
    assert str(copy) == "TIMEOUT: late, may have happened [10.0.0.1:1]"
    assert copy.in_doubt


def test_a_store_killed_among_thousands_of_writes_loses_none(cluster: Cluster, safe_name: str) -> None:
    """Each ends once, within its deadline, with its result or an error that says that it may be tried again."""
    begun: list[int] = []
    acknowledged: set[int] = set()
    failed: list[vasto.VastoError] = []
    slowest = 0.0

    async def writer(ks: vasto.aio.Keyspace, in_the_middle: asyncio.Event, killed: asyncio.Event) -> None:
        nonlocal slowest
        while len(begun) < OPERATIONS or not killed.is_set():
            number, start = len(begun), time.monotonic()
            begun.append(number)
            if number > OPERATIONS * 0.3:
                in_the_middle.set()
            try:
                await ks.put(b"%d" % number, b"v%d" % number, timeout=TIMEOUT)
                acknowledged.add(number)
            except vasto.VastoError as error:
                failed.append(error)
            slowest = max(slowest, time.monotonic() - start)

    async def killer(store: str, in_the_middle: asyncio.Event, killed: asyncio.Event) -> None:
        await in_the_middle.wait()
        try:
            await asyncio.to_thread(cluster.do, "kill", store=store)
        finally:
            killed.set()
            await asyncio.to_thread(cluster.do, "start", store=store)

    async def main() -> None:
        async with vasto.aio.Client(cluster.master) as client:
            ks = await client.keyspace(safe_name)
            store = cluster.do("primary", keyspace=safe_name)
            events = asyncio.Event(), asyncio.Event()
            await asyncio.gather(killer(store, *events), *(writer(ks, *events) for _ in range(IN_FLIGHT)))
            assert ks._queue.in_flight == 0
            assert len(acknowledged) + len(failed) == len(begun)
            assert all(error.retryable or error.in_doubt for error in failed), failed
            assert slowest < TIMEOUT + 5
            for start in range(0, len(begun), 1000):
                some = [number for number in range(start, start + 1000) if number in acknowledged]
                values = await ks.multi_get([b"%d" % number for number in some], timeout=60)
                assert values == [b"v%d" % number for number in some]

    with cluster.alone(), nothing_left():
        asyncio.run(main())
