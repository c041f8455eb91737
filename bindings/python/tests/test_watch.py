# SPDX-License-Identifier: Apache-2.0
"""Watches."""

from __future__ import annotations

import threading
import time

import pytest
from support import eventually

import vasto


def collect(watch: vasto.Watch, count: int) -> list[vasto.Change]:
    """So many changes, within the time."""
    changes: list[vasto.Change] = []
    end = time.monotonic() + 30
    while len(changes) < count:
        assert time.monotonic() < end, f"only these came: {changes}"
        changes += watch.next(timeout=1)
    return changes


def test_changes_of_a_prefix_come_in_order(ks: vasto.Keyspace) -> None:
    with ks.watch(b"w/") as watch:
        assert watch.next(timeout=0) == []
        version = ks.put(b"w/a", b"1", value_type=70, ttl=3600)
        ks[b"other"] = b"x"
        del ks[b"w/a"]
        ks[b"w/a"] = b""
        put, delete, empty = collect(watch, 3)
    assert (put.key, put.value, put.type, put.version, put.deleted) == (b"w/a", b"1", 70, version, False)
    assert put.expires_at_ns is not None
    assert (delete.key, delete.value, delete.deleted) == (b"w/a", None, True)
    assert (empty.value, empty.deleted) == (b"", False)


def test_a_watch_is_an_iterator_and_knows_partitions(ks: vasto.Keyspace) -> None:
    with ks.watch() as watch:
        ks[vasto.Key(b"p", 5)] = b"1"
        change = next(watch)
        assert change.full_key == vasto.Key(b"p", 5)
        ks[b"q"] = b"2"
        for change in watch:
            assert change.full_key == b"q"
            break


def test_a_token_does_not_lose_changes_that_were_fetched_and_not_given(ks: vasto.Keyspace) -> None:
    with ks.watch() as watch:
        ks.batch().put(b"a", b"1").put(b"a", b"2").put(b"a", b"3").write()
        eventually(lambda: ks.get(b"a") == b"3", "the batch is done")
        assert next(watch).value == b"1"
        token = watch.resume_token()
    with ks.watch(resume_token=token) as again:
        assert b"2" in [change.value for change in collect(again, 2)]
    with pytest.raises(vasto.InvalidArgumentError):
        ks.watch(resume_token=b"nonsense")


def test_a_wait_ends_at_its_time(ks: vasto.Keyspace) -> None:
    with ks.watch(timeout=10) as watch:
        start = time.monotonic()
        assert watch.next(timeout=0.25) == []
        assert 0.2 < time.monotonic() - start < 10
        with pytest.raises(ValueError, match="timeout"):
            watch.next(timeout=-1)


def test_a_close_ends_a_wait_in_another_thread(ks: vasto.Keyspace) -> None:
    watch = ks.watch()
    ended: list[object] = []

    def wait() -> None:
        try:
            ended.append(next(watch))
        except vasto.ClosedError as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    watch.close()
    thread.join(20)
    assert not thread.is_alive()
    assert isinstance(ended[0], vasto.ClosedError)
    with pytest.raises(vasto.ClosedError, match="the watch is closed"):
        watch.next(0)
    with pytest.raises(vasto.ClosedError, match="the watch is closed"):
        watch.resume_token()


def test_the_close_of_the_client_ends_a_watch(client: vasto.Client, ks: vasto.Keyspace) -> None:
    watch = ks.watch()
    threading.Timer(0.2, client.close).start()
    with pytest.raises(vasto.ClosedError):
        next(watch)
