# SPDX-License-Identifier: Apache-2.0
"""The data operations through libvasto against real stores."""

import random
import time

import pytest

import libvasto
from libvasto import VastoError
from vasto_cluster import wait_until


def code_of(function, *args, **kwargs):
    """The code of a call that must fail."""
    with pytest.raises(VastoError) as caught:
        function(*args, **kwargs)
    return caught.value.code


@pytest.mark.smoke
def test_put_get_delete(keyspace):
    assert keyspace.get(b"k") is None
    first = keyspace.put(b"k", b"v1")
    second = keyspace.put(b"k", b"v2")
    assert second > first > 0
    value = keyspace.read(b"k")
    assert (value.data, value.version) == (b"v2", second)
    keyspace.delete(b"k")
    assert keyspace.get(b"k") is None
    keyspace.delete(b"k")  # deleting nothing is fine


def test_stat_has_no_bytes(keyspace):
    before = time.time_ns()
    version = keyspace.put(b"k", b"x" * 1000, value_type=77)
    stat = keyspace.stat(b"k")
    assert stat.data is None
    assert (stat.size, stat.version, stat.type, stat.expires_at_ns) == (1000, version, 77, 0)
    assert before - 1_000_000 <= stat.updated_at_ns <= time.time_ns() + 1_000_000
    assert keyspace.stat(b"none") is None


@pytest.mark.parametrize("key", [b"", b"\0", b"\xff" * 10, b"a/b\n%", "µ∂".encode(), b"k" * 65536])
def test_any_key_bytes(keyspace, key):
    keyspace.put(key, b"value of it")
    assert keyspace.get(key) == b"value of it"
    assert [k for k, _ in keyspace.scan()] == [key]


@pytest.mark.parametrize("size", [0, 1, 4095, 65536, 1 << 20, 64 << 20])
def test_any_value_size(keyspace, size):
    value = random.Random(size).randbytes(size)
    keyspace.put(b"k", value, timeout_ms=60_000)
    assert keyspace.get(b"k", timeout_ms=60_000) == value
    assert keyspace.stat(b"k").size == size


def test_too_large_is_refused(keyspace):
    assert code_of(keyspace.put, b"k" * 65537, b"v") == libvasto.TOO_LARGE
    assert code_of(keyspace.put, b"k", bytes((64 << 20) + 1)) == libvasto.TOO_LARGE
    assert keyspace.get(b"k") is None


@pytest.mark.smoke
def test_multi_get_over_shards(keyspace):
    keys = [b"key%d" % i for i in range(300)]
    for key in keys[::2]:
        keyspace.put(key, b"v" + key)
    results, code = keyspace.multi_get(keys)
    assert code == libvasto.OK
    assert [v for _, v in results] == [None if i % 2 else b"v" + k for i, k in enumerate(keys)]
    assert {c for c, _ in results[1::2]} == {libvasto.NOT_FOUND}
    assert len({keyspace.shard_of(k) for k in keys}) == keyspace.shard_count == 3


@pytest.mark.smoke
def test_batch_has_a_code_for_each_entry(keyspace):
    keyspace.put(b"there", b"old")
    codes, code = keyspace.write_batch([
        (b"a", b"1", {}),
        (b"there", b"2", {"if_absent": True}),
        (b"b", b"3", {"ttl_seconds": 1000}),
        (b"there", None, {}),
        (b"a", b"4", {}),
    ])
    assert codes == [libvasto.OK, libvasto.ALREADY_EXISTS, libvasto.OK, libvasto.OK, libvasto.OK]
    assert code == libvasto.ALREADY_EXISTS
    assert keyspace.get(b"a") == b"4"
    assert keyspace.get(b"there") is None
    assert keyspace.stat(b"b").expires_at_ns > 0


def test_scan_is_in_key_order_over_shards(keyspace):
    rows = {b"%05d" % i: b"v%d" % i for i in range(2000)}
    codes, code = keyspace.write_batch([(k, v, {}) for k, v in rows.items()])
    assert code == libvasto.OK and len(codes) == 2000
    assert list(keyspace.scan()) == sorted(rows.items())
    assert [k for k, _ in keyspace.scan(prefix=b"0012")] == sorted(k for k in rows if k[:4] == b"0012")
    assert [k for k, _ in keyspace.scan(start=b"00100", end=b"00105")] == \
           [b"%05d" % i for i in range(100, 105)]
    assert len(list(keyspace.scan(limit=7))) == 7
    assert list(keyspace.scan(keys_only=True, limit=2)) == [(b"00000", None), (b"00001", None)]


def test_scan_resumes_with_another_client(shared, keyspace):
    keys = [b"%04d" % i for i in range(500)]
    keyspace.write_batch([(k, k, {}) for k in keys])
    scan = keyspace.scan()
    first = [next(scan)[0] for _ in range(123)]
    token = scan.token()
    with libvasto.Client(shared.address) as other:
        name = next(n for n in shared.keyspaces()
                    if other.keyspace(n).get(b"0000") == b"0000")
        rest = [k for k, _ in other.keyspace(name).scan(token=token)]
    assert first + rest == keys


def test_scan_passes_over_many_deleted_rows(shared):
    """A store ends a page after 20,000 deleted rows, without a row; the scan goes on behind them."""
    shared.create("deleted", 1)
    with libvasto.Client(shared.address) as client:
        keyspace = client.keyspace("deleted")
        keys = [b"%06d" % i for i in range(25_000)]
        for value in (b"v", None):
            codes, code = keyspace.write_batch([(k, value, {}) for k in keys])
            assert code == libvasto.OK and set(codes) == {libvasto.OK}
        keyspace.put(b"z", b"last")
        assert list(keyspace.scan()) == [(b"z", b"last")]
        assert list(keyspace.scan(keys_only=True)) == [(b"z", None)]
        assert list(keyspace.scan(limit=1)) == [(b"z", b"last")]
        scan = keyspace.scan(limit=5)
        assert next(scan)[0] == b"z"
        assert list(keyspace.scan(token=scan.token())) == []
    shared.vastoadm("keyspace", "delete", "deleted", "--yes")


def test_scan_resumes_between_rows_of_one_key(keyspace):
    """The same key in several partitions is a row in each."""
    for i in range(30):
        keyspace.put(b"k", b"v", partition=libvasto.partition_hash(b"p%d" % i))
    assert keyspace.shard_count == 3 and len(list(keyspace.scan())) == 3
    token = None
    for _ in range(3):
        scan = keyspace.scan(token=token)
        assert next(scan)[0] == b"k"
        token = scan.token()
    assert list(keyspace.scan(token=token)) == []


def test_scan_of_prefix_ff(keyspace):
    for key in (b"\xfe", b"\xff", b"\xff\xff", b"\xff\xff\x01"):
        keyspace.put(key, b"")
    assert [k for k, _ in keyspace.scan(prefix=b"\xff")] == [b"\xff", b"\xff\xff", b"\xff\xff\x01"]
    assert [k for k, _ in keyspace.scan(prefix=b"\xff\xff")] == [b"\xff\xff", b"\xff\xff\x01"]


def test_put_if_absent_has_one_winner(shared, keyspace):
    assert keyspace.put(b"lock", b"me", if_absent=True) > 0
    assert code_of(keyspace.put, b"lock", b"you", if_absent=True) == libvasto.ALREADY_EXISTS
    assert keyspace.get(b"lock") == b"me"
    keyspace.delete(b"lock")
    keyspace.put(b"lock", b"you", if_absent=True)
    assert keyspace.get(b"lock") == b"you"


def test_put_if_version(keyspace):
    version = keyspace.put(b"k", b"1")
    newer = keyspace.put(b"k", b"2", if_version=version)
    assert code_of(keyspace.put, b"k", b"3", if_version=version) == libvasto.STALE_WRITE
    assert keyspace.get(b"k") == b"2"
    assert code_of(keyspace.delete, b"k", if_version=version) == libvasto.STALE_WRITE
    keyspace.delete(b"k", if_version=newer)
    assert keyspace.get(b"k") is None


@pytest.mark.smoke
def test_the_latest_event_time_wins_whatever_the_order(keyspace):
    now = time.time_ns()
    for order in ([1, 2, 3], [3, 2, 1], [2, 3, 1]):
        key = bytes(order)
        for second in order:
            try:
                keyspace.put(key, b"at %d" % second, updated_at_ns=now - (10 - second) * 10**9)
            except VastoError as error:
                assert error.code == libvasto.STALE_WRITE
        assert keyspace.get(key) == b"at 3"


def test_an_old_delete_does_not_remove_a_newer_value_and_an_old_put_does_not_revive(keyspace):
    now = time.time_ns()
    keyspace.put(b"k", b"v", updated_at_ns=now - 5 * 10**9)
    try:
        keyspace.delete(b"k", updated_at_ns=now - 9 * 10**9)
    except VastoError as error:
        assert error.code == libvasto.STALE_WRITE
    assert keyspace.get(b"k") == b"v"
    keyspace.delete(b"k", updated_at_ns=now - 3 * 10**9)
    try:
        keyspace.put(b"k", b"ghost", updated_at_ns=now - 4 * 10**9)
    except VastoError as error:
        assert error.code == libvasto.STALE_WRITE
    assert keyspace.get(b"k") is None


def test_an_event_time_far_ahead_is_refused(keyspace):
    ahead = time.time_ns() + 3600 * 10**9
    assert code_of(keyspace.put, b"k", b"v", updated_at_ns=ahead) == libvasto.INVALID_ARGUMENT
    assert keyspace.get(b"k") is None


def test_ttl_expires_lazily_touch_changes_it_and_compaction_drops_it(shared):
    shared.create("ttl", 1)
    with libvasto.Client(shared.address) as client:
        keyspace = client.keyspace("ttl")
        keyspace.put(b"short", b"v" * 1000, ttl_seconds=1)
        keyspace.put(b"saved", b"v", ttl_seconds=1)
        keyspace.put(b"ever", b"v")
        keyspace.touch(b"saved", 1000)
        assert keyspace.stat(b"saved").expires_at_ns > time.time_ns() + 900 * 10**9
        assert keyspace.get(b"short") is not None
        wait_until(lambda: keyspace.get(b"short") is None, "the value to expire", 3)
        assert keyspace.get(b"saved") == b"v"
        assert [k for k, _ in keyspace.scan()] == [b"ever", b"saved"]
        keyspace.touch(b"saved", 0)
        assert keyspace.stat(b"saved").expires_at_ns == 0
        with pytest.raises(VastoError) as caught:
            keyspace.touch(b"short", 10)
        assert caught.value.code == libvasto.NOT_FOUND
        keyspace.put(b"short", b"new", if_absent=True)  # expired is absent
        shared.vastoadm("keyspace", "compact", "ttl")
        assert keyspace.get(b"short") == b"new"
    shared.vastoadm("keyspace", "delete", "ttl", "--yes")


def test_the_keyspace_ttl_is_the_default(shared):
    shared.create("dflt", 1, 1, "--ttl", 1000)
    with libvasto.Client(shared.address) as client:
        keyspace = client.keyspace("dflt")
        keyspace.put(b"k", b"v")
        left = keyspace.stat(b"k").expires_at_ns - time.time_ns()
        assert 990 * 10**9 < left <= 1001 * 10**9
    shared.vastoadm("keyspace", "delete", "dflt", "--yes")


def test_partition_key_keeps_keys_together(keyspace):
    home = libvasto.partition_hash(b"customer 7")
    for i in range(50):
        keyspace.put(b"order%02d" % i, b"v%d" % i, partition=home)
    assert keyspace.get(b"order07", partition=home) == b"v7"
    assert len(list(keyspace.scan(prefix=b"order"))) == 50
    keyspace.delete(b"order07", partition=home)
    assert keyspace.get(b"order07", partition=home) is None
    assert len(list(keyspace.scan(prefix=b"order"))) == 49


@pytest.mark.smoke
def test_random_operations_agree_with_a_dict(keyspace):
    rng = random.Random(20240611)
    model = {}
    keys = [b"m%02d" % i for i in range(40)]
    for step in range(1500):
        key = rng.choice(keys)
        what = rng.randrange(10)
        if what < 5:
            model[key] = b"%d" % step
            keyspace.put(key, model[key])
        elif what < 7:
            keyspace.delete(key)
            model.pop(key, None)
        elif what < 9:
            assert keyspace.get(key) == model.get(key)
        else:
            assert dict(keyspace.scan(prefix=b"m")) == model
    assert list(keyspace.scan()) == sorted(model.items())


def test_data_survives_store_restarts(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks", 3)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        for i in range(200):
            keyspace.put(b"k%d" % i, b"v%d" % i)
        cluster.restart_store(0)
        assert keyspace.get(b"k77") == b"v77"  # the same handle finds the store again
        version = keyspace.put(b"k77", b"new")
        assert keyspace.stat(b"k77").version == version
        assert len(list(keyspace.scan())) == 200
        cluster.vastoadm("keyspace", "compact", "ks")
        cluster.restart_store(0)
        wait_until(lambda: 150 <= cluster.describe("ks")["keys"] <= 250, "the number of keys")


def test_a_forgotten_deletion_still_wins(make_cluster):
    """An old put does not bring back what was deleted, compacted away and has survived a kill."""
    cluster = make_cluster(store_flags=("--tombstone_grace_s=1",))
    cluster.create("ks", 1)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        before = time.time_ns()
        keyspace.put(b"k", b"v")
        keyspace.delete(b"k")

        def refused():
            cluster.vastoadm("keyspace", "compact", "ks")
            try:
                keyspace.put(b"k", b"ghost", updated_at_ns=before)
            except VastoError as error:
                return error.code == libvasto.STALE_WRITE and "forgotten" in str(error)
            return False

        wait_until(refused, "the deletion to be forgotten", interval_s=0.3)
        assert keyspace.get(b"k") is None
        cluster.stores[0].kill9()
        cluster.restart_store(0)
        assert code_of(keyspace.put, b"k", b"ghost", updated_at_ns=before) == libvasto.STALE_WRITE
        assert keyspace.get(b"k") is None
        keyspace.put(b"k", b"new")
        assert keyspace.get(b"k") == b"new"
