# SPDX-License-Identifier: Apache-2.0
"""Batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import PATIENT

import vasto

if TYPE_CHECKING:
    from support import Cluster


def test_entries_have_results_in_their_order(ks: vasto.Keyspace) -> None:
    batch = ks.batch()
    batch.put(b"a", b"1").delete(b"b").merge(b"n", vasto.Merge.ADD_INT64, 5).put(b"a", b"2")
    assert len(batch) == 4
    results = batch.write(timeout=10)
    assert [result.code for result in results] == [vasto.Code.OK] * 4
    value = ks.get_value(b"a")
    assert value is not None
    assert (value.data, value.version) == (b"2", results[3].version)
    assert ks[b"n"] == b"5"
    assert len(batch.write()) == 4
    assert ks[b"n"] == b"10"
    batch.clear()
    assert len(batch) == 0
    assert bool(batch)
    assert batch.write() == []


def test_a_failed_entry_raises_its_class_and_has_all_results(ks: vasto.Keyspace) -> None:
    ks[b"there"] = b"x"
    batch = ks.batch().put(b"new", b"1").put(b"there", b"2", if_absent=True).merge(b"n", vasto.Merge.ADD_INT64, b"?")
    with pytest.raises(vasto.AlreadyExistsError) as raised:
        batch.write()
    codes = [result.code for result in raised.value.results]
    assert codes == [vasto.Code.OK, vasto.Code.ALREADY_EXISTS, vasto.Code.INVALID_ARGUMENT]
    assert raised.value.results[0].version > 0
    assert raised.value.results[1].version == 0
    assert (ks[b"new"], ks[b"there"]) == (b"1", b"x")


def test_a_block_writes_at_its_end_unless_it_fails(ks: vasto.Keyspace) -> None:
    with ks.batch() as batch:
        batch.put(b"a", b"1")
        assert b"a" not in ks
    assert ks[b"a"] == b"1"

    def failing() -> None:
        with ks.batch() as batch:
            batch.put(b"a", b"2")
            raise LookupError

    with pytest.raises(LookupError):
        failing()
    assert ks[b"a"] == b"1"


def test_options_of_entries_and_of_the_write(ks: vasto.Keyspace) -> None:
    batch = ks.batch().put(b"own", b"1", value_type=70).put(b"whole", b"2")
    batch.write(value_type=80, acks=vasto.Acks.ALL)
    stats = [ks.stat(b"own"), ks.stat(b"whole")]
    assert [stat and stat.type for stat in stats] == [70, 80]


def test_a_batch_may_outlive_its_client_and_says_so(name: str, cluster: Cluster) -> None:
    client = vasto.Client(cluster.master, config=PATIENT)
    batch = client.keyspace(name).batch().put(b"a", b"1")
    client.close()
    with pytest.raises(vasto.ClosedError):
        batch.write()
    assert len(batch) == 1
