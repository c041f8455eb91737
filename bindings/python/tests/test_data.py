# SPDX-License-Identifier: Apache-2.0
"""Reads and writes of single keys, and of several."""

from __future__ import annotations

import time
from typing import Any

import pytest

import vasto

HOUR_NS = 3600 * 10**9


def test_a_keyspace_is_a_mapping(ks: vasto.Keyspace) -> None:
    ks[b"a"] = b"1"
    ks[bytearray(b"b")] = bytearray(b"2")
    ks[memoryview(b"c")] = memoryview(b"3")
    assert (ks[b"a"], ks[b"b"], ks[memoryview(b"xcx")[1:2]]) == (b"1", b"2", b"3")
    assert b"a" in ks
    assert list(ks) == [b"a", b"b", b"c"]
    assert dict(ks.items()) == {b"a": b"1", b"b": b"2", b"c": b"3"}
    assert list(ks.keys(b"b")) == [b"b"]
    del ks[b"a"]
    del ks[b"a"]
    assert b"a" not in ks
    with pytest.raises(KeyError) as raised:
        ks[b"a"]
    assert raised.value.args == (b"a",)
    assert not isinstance(raised.value, vasto.VastoError)
    with pytest.raises(TypeError):
        len(ks)  # type: ignore[arg-type]


def test_get_with_and_without_a_default(ks: vasto.Keyspace) -> None:
    assert ks.get(b"a") is None
    assert ks.get(b"a", b"else") == b"else"
    ks.put(b"a", b"")
    assert ks.get(b"a", b"else") == b""
    assert ks.get(b"a", timeout=5.0, replica=vasto.Replica.NEAREST, max_staleness=3, hedge=True, session=None) == b""


def test_a_value_has_all_that_is_stored_with_it(ks: vasto.Keyspace) -> None:
    event = time.time_ns() // 1000 * 1000
    expires = event + HOUR_NS
    version = ks.put(b"a", b"\0\xff", value_type=77, updated_at_ns=event, expires_at_ns=expires)
    assert ks.get_value(b"a") == vasto.Value(b"\0\xff", 77, version, event, expires)
    assert ks.stat(b"a") == vasto.Stat(2, 77, version, event, expires)
    assert vasto.version_time_ns(version) == event
    assert ks.get_value(b"b") is None
    assert ks.stat(b"b") is None


def test_a_ttl_expires_and_touch_changes_it(ks: vasto.Keyspace) -> None:
    ks.put(b"a", b"1", ttl=3600)
    before = ks.get_value(b"a")
    assert before is not None
    assert before.expires_at_ns is not None
    assert abs(before.expires_at_ns - time.time_ns() - HOUR_NS) < HOUR_NS / 2
    assert ks.touch(b"a", 0) > before.version
    after = ks.get_value(b"a")
    assert after is not None
    assert (after.data, after.expires_at_ns) == (b"1", None)
    ks.put(b"b", b"1", expires_at_ns=vasto.NEVER)
    assert b"b" in ks


def test_touch_of_no_key_is_a_key_error(ks: vasto.Keyspace) -> None:
    with pytest.raises(vasto.KeyNotFoundError) as raised:
        ks.touch(b"a", 5)
    assert isinstance(raised.value, KeyError)
    assert isinstance(raised.value, vasto.NotFoundError)
    assert str(raised.value) == "NOT_FOUND: there is no such key"


def test_conditions(ks: vasto.Keyspace) -> None:
    version = ks.put(b"a", b"1", if_absent=True)
    with pytest.raises(vasto.AlreadyExistsError) as exists:
        ks.put(b"a", b"2", if_absent=True)
    assert not exists.value.in_doubt
    assert not exists.value.retryable
    ks.put(b"a", b"2", if_version=version, if_absent=False)
    with pytest.raises(vasto.StaleWriteError):
        ks.put(b"a", b"3", if_version=version)
    with pytest.raises(vasto.StaleWriteError):
        ks.delete(b"a", if_version=version)
    with pytest.raises(vasto.StaleWriteError):
        ks.put(b"a", b"old", updated_at_ns=10**18)
    assert ks[b"a"] == b"2"


def test_merges_take_numbers_and_text(ks: vasto.Keyspace) -> None:
    ks.merge(b"i", vasto.Merge.ADD_INT64, 40)
    ks.merge(b"i", vasto.Merge.ADD_INT64, b"-2")
    ks.merge(b"i", vasto.Merge.ADD_INT64, memoryview(b"4"), acks=vasto.Acks.ONE)
    assert ks[b"i"] == b"42"
    ks.merge(b"f", vasto.Merge.ADD_FLOAT64, 0.25)
    ks.merge(b"f", vasto.Merge.ADD_FLOAT64, 10)
    assert float(ks[b"f"]) == 10.25
    ks.merge(b"t", vasto.Merge.APPEND, b"x\0")
    ks.merge(b"t", vasto.Merge.APPEND, b"y")
    assert ks[b"t"] == b"x\0y"
    with pytest.raises(TypeError, match="APPEND must be bytes"):
        ks.merge(b"t", vasto.Merge.APPEND, 5)
    with pytest.raises(vasto.InvalidArgumentError):
        ks.merge(b"i", vasto.Merge.ADD_INT64, b"one")


def test_explicit_partition_hashes_are_part_of_the_key(ks: vasto.Keyspace) -> None:
    here, there = vasto.Key(b"k", 7), vasto.Key(b"k", 2**64 - 1)
    ks[here] = b"here"
    ks[there] = b"there"
    assert (ks[here], ks[there], ks.get(b"k")) == (b"here", b"there", None)
    assert ks.shard_of(vasto.Key(b"k", vasto.partition_hash(b"other"))) == ks.shard_of(b"other")
    assert {row.full_key: row.value for row in ks.scan()} == {here: b"here", there: b"there"}
    assert ks.multi_get([there, b"k", here]) == [b"there", None, b"here"]
    ks.batch().delete(here).put(b"k", b"own").write()
    assert {row.full_key for row in ks.scan()} == {there, b"k"}


def test_multi_get_has_a_result_for_each_key(ks: vasto.Keyspace) -> None:
    version = ks.put(b"a", b"1")
    ks.put(b"b", b"")
    assert ks.multi_get([b"a", b"x", b"b", b"a"]) == [b"1", None, b"", b"1"]
    assert ks.multi_get(iter([b"a"]), timeout=5) == [b"1"]
    assert ks.multi_get([]) == []
    results = ks.multi_get_results([b"a", b"x"])
    assert results[0].code is vasto.Code.OK
    assert results[0].value is not None
    assert results[0].value.version == version
    assert results[1] == vasto.GetResult(vasto.Code.NOT_FOUND, None)


def test_what_a_keyspace_tells(ks: vasto.Keyspace, name: str) -> None:
    assert (ks.name, ks.shard_count, ks.replica_count) == (name, 4, 1)
    assert len(ks.id) == 36
    assert name in repr(ks)
    assert {ks.shard_of(b"%d" % i) for i in range(200)} == {0, 1, 2, 3}


def test_partition_hash_is_xxh3() -> None:
    assert vasto.partition_hash(b"abc") == 8696274497037089104


def test_a_large_value_comes_back_whole(ks: vasto.Keyspace) -> None:
    value = bytes(range(256)) * 4096 * 8
    ks[b"large"] = value
    assert ks[b"large"] == value


def test_what_is_over_a_limit_is_too_large(ks: vasto.Keyspace) -> None:
    for key, value in ((b"k" * (vasto.MAX_KEY_SIZE + 1), b""), (b"k", bytes(vasto.MAX_VALUE_SIZE + 1))):
        with pytest.raises(vasto.TooLargeError) as raised:
            ks.put(key, value)
        assert isinstance(raised.value, ValueError)
        assert not raised.value.in_doubt
        batch = ks.batch()
        with pytest.raises(vasto.TooLargeError):
            batch.put(key, value)
        assert len(batch) == 0
    with pytest.raises(vasto.TooLargeError):
        ks.get(b"k" * (vasto.MAX_KEY_SIZE + 1))


@pytest.mark.parametrize("bad", ["text", 5, None, [b"a"], (b"a",)])
def test_keys_and_values_of_a_wrong_type_are_type_errors(ks: vasto.Keyspace, bad: Any) -> None:
    for call in (
        lambda: ks[bad],
        lambda: ks.get(bad),
        lambda: ks.put(bad, b""),
        lambda: ks.put(b"a", bad),
        lambda: ks.delete(bad),
        lambda: bad in ks,
        lambda: ks.multi_get([bad]),
        lambda: ks.batch().put(b"a", bad),
        lambda: ks.shard_of(bad),
        lambda: ks.scan(bad),
        lambda: ks.watch(bad),
        lambda: vasto.partition_hash(bad),
        lambda: ks.get(vasto.Key(bad, 1)),
    ):
        with pytest.raises(TypeError, match="must be bytes, bytearray or memoryview, not "):
            call()
    with pytest.raises(TypeError, match=r"encode it, as in text\.encode\(\)"):
        ks.get("text")  # type: ignore[call-overload]


def test_one_key_is_no_list_of_keys(ks: vasto.Keyspace) -> None:
    for one in (b"abc", "abc", vasto.Key(b"a", 1)):
        with pytest.raises(TypeError, match="an iterable of keys, not a single key"):
            ks.multi_get(one)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"ttl": 1.5}, TypeError),
        ({"ttl": -1}, ValueError),
        ({"ttl": 2**64}, ValueError),
        ({"ttl": True}, TypeError),
        ({"ttl": 1, "expires_at_ns": 1}, ValueError),
        ({"value_type": 2**32}, ValueError),
        ({"value_type": 63}, vasto.InvalidArgumentError),
        ({"timeout": 0}, ValueError),
        ({"timeout": -1}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": "5"}, TypeError),
        ({"acks": 1}, TypeError),
        ({"acks": vasto.Sync.ALWAYS}, TypeError),
        ({"if_absent": 1}, TypeError),
        ({"if_absent": True, "if_version": 5}, ValueError),
        ({"session": object()}, TypeError),
        ({"if_abscent": True}, TypeError),
        ({"updated_at_ns": 4 * 10**18}, vasto.InvalidArgumentError),
    ],
)
def test_impossible_options_are_refused(ks: vasto.Keyspace, options: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        ks.put(b"a", b"", **options)
    assert b"a" not in ks


def test_a_view_that_is_not_contiguous_is_refused(ks: vasto.Keyspace) -> None:
    with pytest.raises(ValueError, match="contiguous"):
        ks.put(b"a", memoryview(b"abcdef")[::2])
    ks.put(b"a", memoryview(memoryview(b"abcdefgh").cast("I")))
    assert ks[b"a"] == b"abcdefgh"


def test_long_timeouts_are_as_good_as_none(ks: vasto.Keyspace) -> None:
    ks.put(b"a", b"1", timeout=float("inf"))
    assert ks.get(b"a", timeout=1e300) == b"1"
