# SPDX-License-Identifier: Apache-2.0
"""Scans and sessions."""

from __future__ import annotations

import threading

import pytest
from support import PATIENT, Cluster, nothing_left

import vasto

ROWS = 5000


@pytest.fixture
def filled(ks: vasto.Keyspace) -> vasto.Keyspace:
    """A keyspace with ROWS keys, in many blocks."""
    with ks.batch() as batch:
        for i in range(ROWS):
            batch.put(b"k%05d" % i, b"v%d" % i)
        batch.put(b"other", b"", value_type=70)
    return ks


def test_rows_come_in_order_and_once(filled: vasto.Keyspace) -> None:
    rows = list(filled.scan(b"k"))
    assert [row.key for row in rows] == [b"k%05d" % i for i in range(ROWS)]
    assert rows[17].value == b"v17"
    assert rows[17].size == 3
    stat = filled.stat(b"k00017")
    assert stat is not None
    assert rows[17][4:] == stat[1:]
    assert len(list(filled.scan())) == ROWS + 1


def test_ranges_limits_and_keys_only(filled: vasto.Keyspace) -> None:
    keys = [row.key for row in filled.scan(start=b"k00010", end=b"k00013")]
    assert keys == [b"k00010", b"k00011", b"k00012"]
    assert [row.key for row in filled.scan(start=b"k04999")] == [b"k04999", b"other"]
    assert len(list(filled.scan(end=b"k00002"))) == 2
    assert len(list(filled.scan(b"k", limit=1500, page_bytes=4096))) == 1500
    row = next(filled.scan(b"k00123", keys_only=True))
    assert (row.key, row.value, row.size) == (b"k00123", None, 4)
    assert next(filled.scan(b"other")).value == b""


@pytest.mark.parametrize(
    "options", [{"block_rows": 1}, {"block_rows": 7}, {"replica": vasto.Replica.ANY}, {"timeout": 9}]
)
def test_options_of_a_scan_give_the_same_rows(filled: vasto.Keyspace, options: vasto.ScanOptions) -> None:
    assert [row.key for row in filled.scan(b"k001", **options)] == [b"k%05d" % i for i in range(100, 200)]


def test_a_token_goes_on_behind_the_last_row(filled: vasto.Keyspace) -> None:
    scan = filled.scan(b"k")
    assert len(scan.take(1234)) == 1234
    token = scan.resume_token()
    assert [row.key for row in scan.take(2)] == [b"k01234", b"k01235"]
    rest = list(filled.scan(b"k", resume_token=token))
    assert (rest[0].key, len(rest)) == (b"k01234", ROWS - 1234)
    assert len(scan.take(10**6)) == ROWS - 1236
    assert scan.take(1) == []
    with pytest.raises(vasto.InvalidArgumentError):
        filled.scan(b"o", resume_token=token).take(1)
    with pytest.raises(vasto.InvalidArgumentError):
        filled.scan(b"k", resume_token=b"nonsense").take(1)


def test_a_token_among_fetched_rows_is_refused_and_exact_with_blocks_of_one(filled: vasto.Keyspace) -> None:
    scan = filled.scan(b"k")
    next(scan)
    with pytest.raises(RuntimeError, match="1023 rows were fetched"):
        scan.resume_token()
    one_by_one = filled.scan(b"k", block_rows=1)
    for i in range(3):
        assert next(one_by_one).key == b"k%05d" % i
        again = filled.scan(b"k", resume_token=one_by_one.resume_token())
        assert next(again).key == b"k%05d" % (i + 1)


def test_a_closed_scan_says_so(filled: vasto.Keyspace) -> None:
    with filled.scan(b"k") as scan:
        next(scan)
    assert scan.closed
    scan.close()
    for call in (scan.__next__, scan.resume_token, lambda: scan.take(1)):
        with pytest.raises(vasto.ClosedError, match="the scan is closed"):
            call()


def test_impossible_scans_are_refused(ks: vasto.Keyspace) -> None:
    with pytest.raises(TypeError, match="not both"):
        ks.scan(b"a", start=b"b")
    for bad in (0, -1, 4097):
        with pytest.raises(ValueError, match="block_rows"):
            ks.scan(block_rows=bad)
    with pytest.raises(TypeError):
        ks.scan(limit="5")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ks.scan().take(None)  # type: ignore[arg-type]


def test_a_scan_that_is_dropped_midway_leaves_nothing(filled: vasto.Keyspace) -> None:
    with nothing_left():
        for _ in range(50):
            next(filled.scan(b"k", page_bytes=2000))


def test_a_second_thread_in_a_scan_is_refused(filled: vasto.Keyspace) -> None:
    scan = filled.scan(b"k")
    with scan._exclusive:
        failures: list[BaseException] = []

        def intrude() -> None:
            try:
                next(scan)
            except RuntimeError as error:
                failures.append(error)

        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
        assert "in use by another thread" in str(failures)
    assert len(list(scan)) == ROWS


def test_a_session_reads_what_it_wrote_from_any_replica(cluster: Cluster, safe_name: str) -> None:
    with vasto.Client(cluster.master, config=PATIENT) as writer, vasto.Client(cluster.master, config=PATIENT) as reader:
        here, there = writer.keyspace(safe_name), reader.keyspace(safe_name)
        session = here.session()
        for i in range(50):
            here.put(b"a", b"%d" % i, session=session, acks=vasto.Acks.ONE)
            assert here.get(b"a", session=session, replica=vasto.Replica.ANY) == b"%d" % i
            other = there.session(session.token())
            assert there.get(b"a", session=other, replica=vasto.Replica.ANY) == b"%d" % i
            rows = there.scan(b"a", session=other, replica=vasto.Replica.ANY).take(1)
            assert rows[0].value == b"%d" % i


def test_tokens_that_are_none_are_refused(cluster: Cluster, client: vasto.Client, ks: vasto.Keyspace) -> None:
    session = ks.session()
    ks.put(b"a", b"1", session=session)
    token = session.token()
    session.import_token(token)
    for bad in (b"", b"nonsense", token[:-1]):
        with pytest.raises(vasto.InvalidArgumentError):
            session.import_token(bad)
    assert session.token() == token
    with pytest.raises(TypeError):
        session.import_token("text")  # type: ignore[arg-type]
    with cluster.keyspace() as name:
        other = client.keyspace(name)
        with pytest.raises(vasto.InvalidArgumentError):
            other.session(token)
        with pytest.raises(vasto.InvalidArgumentError):
            other.get(b"a", session=session)
