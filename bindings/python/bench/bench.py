# SPDX-License-Identifier: Apache-2.0
"""The bench program of tests/bench/bindings: it measures this package and redis-py.

    bench.py get|put|scan|redis_get|redis_put|memory IN_FLIGHT COUNT

The last line is {"per_second": N}, with memory {"grown_bytes": N}. One in flight is a blocking call after the other;
more are tasks of asyncio, each of which makes one operation after the other. A scan takes all rows, whatever the
numbers say.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from random import random
from typing import Callable

import redis.asyncio

import vasto
import vasto.aio

VALUE = b"v" * 100
WARM_UP = 1000
MOST_REDIS_KEYS = 100_000
REDIS_BLOCK = 1000

Operation = Callable[[bytes], Awaitable[object]]


class Keys:
    """Random keys of those that there are."""

    def __init__(self, count: int) -> None:
        self.count = count

    def next(self) -> bytes:
        return b"key:%012d" % int(random() * self.count)


def check(value: object) -> None:
    if not isinstance(value, bytes) or len(value) != len(VALUE):
        raise SystemExit("a value has another size than was written")


def per_second(count: int, begin: float) -> dict[str, int]:
    return {"per_second": round(count / (time.perf_counter() - begin))}


def one_at_a_time(ks: vasto.Keyspace, what: str, count: int, keys: Keys) -> dict[str, int]:
    def run(count: int) -> None:
        for _ in range(count):
            if what == "put":
                ks.put(keys.next(), VALUE)
            else:
                check(ks.get(keys.next()))

    run(WARM_UP)
    begin = time.perf_counter()
    run(count)
    return per_second(count, begin)


def scan(ks: vasto.Keyspace) -> dict[str, int]:
    begin, found, size = time.perf_counter(), 0, 0
    for row in ks.scan():
        found += 1
        size += len(row.key) + len(row.value or b"")
    if size != found * (len(Keys(1).next()) + len(VALUE)):
        raise SystemExit("a row has another size than was written")
    return per_second(found, begin)


async def many(operation: Operation, in_flight: int, count: int, keys: Keys) -> None:
    """``count`` operations, by so many tasks."""
    left = itertools.repeat(None, count)

    async def worker() -> None:
        for _ in left:
            await operation(keys.next())

    await asyncio.gather(*(worker() for _ in range(in_flight)))


async def measure(operation: Operation, in_flight: int, count: int, keys: Keys) -> dict[str, int]:
    await many(operation, in_flight, WARM_UP, keys)
    begin = time.perf_counter()
    await many(operation, in_flight, count, keys)
    return per_second(count, begin)


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def memory(get: Operation, put: Operation, in_flight: int, count: int, keys: Keys) -> dict[str, int]:
    turns = itertools.cycle((get, put))

    async def either(key: bytes) -> None:
        await next(turns)(key)

    await many(either, in_flight, count // 10, keys)
    before = resident_bytes()
    await many(either, in_flight, count - count // 10, keys)
    return {"grown_bytes": resident_bytes() - before}


async def with_vasto(what: str, in_flight: int, count: int, keys: Keys) -> dict[str, int]:
    async with vasto.aio.Client(os.environ["VASTO_TEST_MASTER"]) as client:
        ks = await client.keyspace(os.environ["VASTO_BENCH_KEYSPACE"])

        async def get(key: bytes) -> None:
            check(await ks.get(key))

        async def put(key: bytes) -> None:
            await ks.put(key, VALUE)

        if what == "memory":
            return await memory(get, put, in_flight, count, keys)
        return await measure(put if what == "put" else get, in_flight, count, keys)


async def with_redis(what: str, in_flight: int, count: int, keys: Keys) -> dict[str, int]:
    keys.count = min(keys.count, MOST_REDIS_KEYS)
    host, port = os.environ["REDIS_ADDRESS"].split(":")
    # A connection serves one command at a time.
    async with redis.asyncio.Redis(host=host, port=int(port), max_connections=in_flight) as client:

        async def get(key: bytes) -> None:
            check(await client.get(key))

        async def put(key: bytes) -> None:
            await client.set(key, VALUE)

        if what == "redis_put":
            return await measure(put, in_flight, count, keys)
        for start in range(0, keys.count, REDIS_BLOCK):
            numbers = range(start, min(start + REDIS_BLOCK, keys.count))
            await client.mset({b"key:%012d" % number: VALUE for number in numbers})
        return await measure(get, in_flight, count, keys)


def bench(what: str, in_flight: int, count: int, keys: Keys) -> dict[str, int]:
    if what.startswith("redis_"):
        return asyncio.run(with_redis(what, in_flight, count, keys))
    if what != "scan" and (what == "memory" or in_flight > 1):
        return asyncio.run(with_vasto(what, in_flight, count, keys))
    with vasto.Client(os.environ["VASTO_TEST_MASTER"]) as client:
        ks = client.keyspace(os.environ["VASTO_BENCH_KEYSPACE"])
        return scan(ks) if what == "scan" else one_at_a_time(ks, what, count, keys)


def main(arguments: list[str]) -> int:
    known = ("get", "put", "scan", "redis_get", "redis_put", "memory")
    if len(arguments) != 3 or arguments[0] not in known:
        print(f"usage: bench {'|'.join(known)} IN_FLIGHT COUNT", file=sys.stderr)
        return 2
    in_flight, count, keys = int(arguments[1]), int(arguments[2]), int(os.environ["VASTO_BENCH_KEYS"])
    if min(in_flight, count, keys) < 1:
        print("bench: the numbers are to be at least 1", file=sys.stderr)
        return 2
    print(json.dumps(bench(arguments[0], in_flight, count, Keys(keys))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
