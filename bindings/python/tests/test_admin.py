# SPDX-License-Identifier: Apache-2.0
"""Administration, configurations and log functions."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from support import PATIENT, Cluster, eventually

import vasto

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60


def test_a_keyspace_is_created_used_described_and_deleted(client: vasto.Client) -> None:
    name = f"py-{uuid.uuid4().hex}"
    operation = client.admin.create_keyspace(
        name, shards=2, replicas=2, acks=vasto.Acks.QUORUM, sync=vasto.Sync.INTERVAL, ttl=3600
    )
    assert operation.id
    operation.wait(SECONDS)
    operation.wait()
    assert operation.progress().finished
    ks = client.keyspace(name)
    assert (ks.shard_count, ks.replica_count) == (2, 2)
    ks[b"a"] = b"1"
    value = ks.get_value(b"a")
    assert value is not None
    assert value.expires_at_ns is not None
    with pytest.raises(vasto.AlreadyExistsError):
        client.admin.create_keyspace(name)
    shown = client.admin.describe(vasto.Describe.KEYSPACE, name)["keyspace"]
    assert (shown["name"], shown["acks"], shown["sync"], shown["ttl_seconds"]) == (name, "quorum", "interval", 3600)
    client.admin.compact_keyspace(name).wait(SECONDS)
    assert client.admin.usage(name, timeout=10).capacity_bytes > 0
    client.admin.delete_keyspace(name).wait(SECONDS)
    with pytest.raises(vasto.NotFoundError) as gone:
        client.keyspace(name)
    assert not isinstance(gone.value, KeyError)
    for call in (client.admin.delete_keyspace, client.admin.compact_keyspace, client.admin.usage):
        with pytest.raises(vasto.NotFoundError):
            call(name)


def test_descriptions_have_their_names(client: vasto.Client) -> None:
    for what, names in (
        (vasto.Describe.STATUS, {"cluster", "health", "stores", "keyspaces"}),
        (vasto.Describe.STORES, {"stores"}),
        (vasto.Describe.KEYSPACES, {"keyspaces"}),
        (vasto.Describe.USAGE, {"usage"}),
    ):
        description = client.admin.describe(what, timeout=20)
        assert description["schema"] == 1
        assert names <= set(description)
    usage = client.admin.usage()
    assert usage.capacity_bytes >= usage.free_bytes > 0


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("a/b", {}, vasto.InvalidArgumentError),
        ("a\0b", {}, ValueError),
        (b"ab", {}, TypeError),
        (None, {}, TypeError),
        ("py-x", {"replicas": 400}, vasto.InvalidArgumentError),
        ("py-x", {"shards": 0}, vasto.InvalidArgumentError),
        ("py-x", {"shards": -1}, ValueError),
        ("py-x", {"acks": 1}, TypeError),
        ("py-x", {"tags": ["no", "such"]}, vasto.InvalidArgumentError),
    ],
)
def test_impossible_keyspaces_are_refused(client: vasto.Client, name: Any, options: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        client.admin.create_keyspace(name, **options)


def test_impossible_descriptions_are_refused(client: vasto.Client) -> None:
    with pytest.raises(TypeError, match=r"vasto\.Describe"):
        client.admin.describe(1)  # type: ignore[arg-type]
    with pytest.raises(vasto.VastoError):
        client.admin.describe(vasto.Describe.KEYSPACE)


def test_a_wait_that_ends_before_the_operation_is_a_timeout(
    monkeypatch: pytest.MonkeyPatch, client: vasto.Client, name: str
) -> None:
    operation = client.admin.compact_keyspace(name)
    monkeypatch.setattr(operation, "_wait_slice", lambda _: False)
    start = time.monotonic()
    with pytest.raises(vasto.OperationTimeoutError, match="still running") as raised:
        operation.wait(0.2)
    assert isinstance(raised.value, TimeoutError)
    assert raised.value.retryable
    assert time.monotonic() - start < 5


def test_a_configuration_is_a_mapping_of_known_names(tmp_path: Path) -> None:
    config = vasto.Config({"timeout_ms": "2500"}, io_threads="1")
    assert config["timeout_ms"] == "2500"
    assert {"masters", "timeout_ms", "connect_timeout_ms", "unix_sockets"} <= set(config)
    assert len(config) == len(list(config))
    del config["timeout_ms"]
    assert config["timeout_ms"] == "10000"
    with pytest.raises(KeyError) as unknown:
        config["colour"]
    assert isinstance(unknown.value, vasto.NotFoundError)
    with pytest.raises(KeyError, match="colour"):
        config["colour"] = "red"
    with pytest.raises(vasto.InvalidArgumentError):
        config["timeout_ms"] = "soon"
    with pytest.raises(TypeError):
        config["timeout_ms"] = 5  # type: ignore[assignment]
    assert "colour" not in config
    path = tmp_path / "client.conf"
    path.write_text("# comment\n\ntimeout_ms = 1234\n")
    config.load_file(path)
    assert config["timeout_ms"] == "1234"
    path.write_text("timeout_ms = 99\ncolour = red\n")
    with pytest.raises(vasto.NotFoundError, match="2"):
        config.load_file(path)
    assert config["timeout_ms"] == "1234"
    with pytest.raises(OSError, match="IO_ERROR"):
        config.load_file(tmp_path / "none")
    assert "'timeout_ms': '1234'" in repr(config)


def test_a_client_copies_its_configuration(cluster: Cluster) -> None:
    config = vasto.Config(masters="127.0.0.1:1")
    with vasto.Client([cluster.master], config=config) as client:
        assert client.admin.usage().capacity_bytes > 0
    assert config["masters"] == "127.0.0.1:1"
    with vasto.Client(config={"masters": cluster.master, "timeout_ms": "5000"}):
        pass


def test_messages_come_to_the_log_function(cluster: Cluster, name: str) -> None:
    messages: list[tuple[vasto.LogLevel, str]] = []
    threads: set[int] = set()

    def log(level: vasto.LogLevel, message: str) -> None:
        threads.add(threading.get_ident())
        messages.append((level, message))

    with vasto.Client(cluster.master, config=PATIENT, log=log, log_level=vasto.LogLevel.DEBUG) as client:
        client.keyspace(name)
        eventually(lambda: bool(messages), "a message")
    assert all(isinstance(level, vasto.LogLevel) and message for level, message in messages)
    count = len(messages)
    with vasto.Client(cluster.master, config=PATIENT):
        assert len(messages) == count
    with pytest.raises(TypeError):
        vasto.Client(cluster.master, config=PATIENT, log="file")  # type: ignore[arg-type]


def test_a_log_function_that_fails_harms_nothing(cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", ignored.append)

    def log(_: vasto.LogLevel, __: str) -> None:
        raise LookupError

    with vasto.Client(cluster.master, config=PATIENT, log=log, log_level=vasto.LogLevel.DEBUG) as client:
        eventually(lambda: bool(ignored), "a failure that is told")
        assert client.keyspace(name).get(b"a") is None
    assert ignored[0].exc_type is LookupError
