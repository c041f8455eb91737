# SPDX-License-Identifier: Apache-2.0
"""Bad input: each gives a clear error, and the processes live where they can."""

import random
import re
import socket
import struct
import threading
import time

import pytest

import libvasto
import vasto_cluster
from vasto_cluster import BIN, SLOW, wait_until

LAUGHABLY_LONG = "x" * 129


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10 * SLOW)


def clear_error(result, *words, codes=(1, 2)):
    """One line on stderr that has the words, no log entry beside it; nothing on stdout."""
    assert result.code in codes, result
    assert result.err.endswith("\n") and result.err.count("\n") == 1, result
    program = result.argv[0].rsplit("/", 1)[-1]
    assert result.err.startswith(f"{program}: "), result
    for word in words:
        assert re.search(word, result.err, re.I), result
    assert result.out == b"", result


def call_message(name, sequence=1, body=b"\0"):
    """A framed binary Thrift call."""
    payload = struct.pack(">II", 0x80010001, len(name)) + name + struct.pack(">I", sequence) + body
    return struct.pack(">I", len(payload)) + payload


def read_frame(connection):
    """One frame, or None at the end of the connection."""
    def exactly(count):
        data = b""
        while len(data) < count:
            part = connection.recv(count - len(data))
            if not part:
                return None
            data += part
        return data
    head = exactly(4)
    return head and exactly(struct.unpack(">I", head)[0])


def closed_by_peer(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


# frames

BAD_FRAMES = {
    "negative length": struct.pack(">i", -1),
    "smallest length": struct.pack(">i", -2**31),
    "huge length": struct.pack(">i", 2**31 - 1) + b"x" * 100,
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a frame of zeros": struct.pack(">I", 64) + bytes(64),
    "an empty frame": struct.pack(">I", 0),
    "a method name longer than its frame": struct.pack(">IIII", 12, 0x80010001, 2**31 - 1, 1),
    "a string longer than its frame":
        call_message(b"get", body=b"\x0b\0\1" + struct.pack(">I", 2**31 - 1) + b"x"),
    "a list of two billion": call_message(b"get", body=b"\x0f\0\1\x0c" + struct.pack(">I", 2**31 - 1)),
    "structs nested ten thousand deep": call_message(b"get", body=b"\x0c\0\1" * 10000),
}


def addresses(cluster):
    return [cluster.address, cluster.stores[0].address]


def still_serves(cluster):
    name = "alive"
    if name not in cluster.keyspaces():
        cluster.create(name)
    cluster.put(name, "k", b"v")
    assert cluster.get(name, "k") == b"v"


@pytest.mark.smoke
@pytest.mark.parametrize("what", BAD_FRAMES)
def test_bad_frame(shared, what):
    for address in addresses(shared):
        with connect(address) as connection:
            connection.sendall(BAD_FRAMES[what])
            connection.shutdown(socket.SHUT_WR)
            while read_frame(connection) is not None:
                pass
    still_serves(shared)


def test_a_bad_length_closes_the_connection_at_once(shared):
    """Without waiting for two gigabytes that will never come."""
    for address in addresses(shared):
        for what in ("negative length", "huge length"):
            with connect(address) as connection:
                connection.sendall(BAD_FRAMES[what])
                assert closed_by_peer(connection)


def test_truncated_frames(shared):
    whole = call_message(b"get", body=b"\0")
    for address in addresses(shared):
        for length in range(len(whole)):
            with connect(address) as connection:
                connection.sendall(whole[:length])
    still_serves(shared)


def test_unknown_method_is_answered_and_the_connection_lives(shared):
    for address in addresses(shared):
        with connect(address) as connection:
            for sequence in (7, 8):
                connection.sendall(call_message(b"no_such_method", sequence))
                answer = read_frame(connection)
                kind, length = struct.unpack(">II", answer[:8])
                assert kind == 0x80010003  # an exception
                assert answer[8:8 + length] == b"no_such_method"
                assert struct.unpack(">I", answer[8 + length:12 + length])[0] == sequence


@pytest.mark.smoke
def test_random_bytes(shared):
    rng = random.Random(7)
    for _ in range(150):
        for address in addresses(shared):
            with connect(address) as connection:
                noise = rng.randbytes(rng.randrange(1, 300))
                if rng.random() < 0.5:  # a good length, so that the parser behind it is reached
                    noise = struct.pack(">I", len(noise)) + noise
                if rng.random() < 0.5:  # and a good head
                    noise = call_message(rng.choice([b"get", b"write", b"scan", b"watch_cluster"]),
                                         body=rng.randbytes(rng.randrange(1, 200)))
                try:
                    connection.sendall(noise)
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(5 * SLOW)
                    while connection.recv(65536):
                        pass
                except ConnectionError:
                    pass
    still_serves(shared)


# keyspaces

@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "-x", "with space", "ümlaut", LAUGHABLY_LONG])
def test_invalid_keyspace_name(shared, name):
    result = shared.vastoadm("keyspace", "create", "--shards", 1, "--replicas", 1, "--", name,
                             check=None)
    clear_error(result)


@pytest.mark.parametrize("shards,replicas,words", [
    (0, 1, "shard"), (5000, 1, "shard"), (-1, 1, "shard"), (1, 0, "replica"),
    (1, 3, "replica|store"), ("many", 1, "shard")])
def test_impossible_shape(shared, shards, replicas, words):
    clear_error(shared.create("shape", shards, replicas, check=None), words)
    assert "shape" not in shared.keyspaces()


def test_existing_keyspace(shared):
    shared.create("twice")
    clear_error(shared.create("twice", check=None), "exists", codes=(1,))
    shared.vastoadm("keyspace", "delete", "twice", "--yes")


def test_unknown_keyspace(shared):
    for argv in (("get", "nowhere", "k"), ("put", "nowhere", "k", "v"), ("scan", "nowhere")):
        clear_error(shared.vasto(*argv, check=None), "nowhere", codes=(3,))
    for verb in (("describe", "nowhere"), ("compact", "nowhere"), ("delete", "nowhere", "--yes")):
        clear_error(shared.vastoadm("keyspace", *verb, check=None), "nowhere", codes=(3,))


def test_unknown_key_says_nothing_but_its_exit_code(shared):
    shared.create("empty")
    result = shared.vasto("get", "empty", "k", check=None)
    assert (result.code, result.out) == (3, b"")
    shared.vastoadm("keyspace", "delete", "empty", "--yes")


def test_too_large_key_and_value(shared):
    shared.create("big")
    clear_error(shared.vasto("put", "big", "k" * 65537, "v", check=None), "large|limit|65536")
    clear_error(shared.put("big", "k", bytes((64 << 20) + 1), check=None), "large|limit|67108864")
    still_serves(shared)
    shared.vastoadm("keyspace", "delete", "big", "--yes")


def test_no_master(shared):
    """Nobody listens there: exit code 5 and the address in the message."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % reserved.getsockname()[1]
        for program, argv in (("vasto", ("get", "ks", "k")), ("vastoadm", ("status",))):
            result = shared.run(program, "-m", address, "--timeout-ms", 1000, *argv, check=None)
            clear_error(result, re.escape(address), "refused", codes=(5,))


# command lines

DAEMONS = ["vasto-master", "vasto-store", "vasto-server"]


def daemon_flags(cluster, program, folder):
    folder.mkdir(exist_ok=True)
    flags = ["--listen", "127.0.0.1:0"]
    if program != "vasto-master":
        flags += ["--dir", folder]
    if program == "vasto-store":
        flags += ["--master", cluster.address]
    return flags


@pytest.mark.parametrize("program", DAEMONS)
def test_help_and_version(shared, program):
    text = shared.run(program, "--help", check=None).text
    assert "--listen" in text or "-listen" in text
    assert "logtostderr" not in text and "tab_completion" not in text
    version = shared.run(program, "--version").text
    assert version.count("\n") == 1 and program in version


@pytest.mark.parametrize("program", DAEMONS)
@pytest.mark.parametrize("garbage,word", [
    (["--no_such_flag=1"], "no_such_flag"),
    (["--listen=nonsense"], "listen|nonsense"),
    (["--listen=127.0.0.1:99999"], "listen|99999"),
    (["--listen=256.1.1.1:0"], "listen.*256"),
    (["--listen=203.0.113.7:0"], "203.0.113.7"),
    (["--http=nonsense"], "--http"),
    (["--http=127.0.0.1:99999"], "--http.*99999"),
    (["--http=256.1.1.1:0"], "--http.*256"),
    (["--log_dir=/nowhere/at/all"], "log_dir"),
    (["extra"], "extra"),
])
def test_garbage_flags(shared, program, garbage, word):
    """Said before anything was made."""
    folder = shared.folder / "garbage"
    flags = daemon_flags(shared, program, folder)
    clear_error(shared.run(program, *flags, *garbage, check=None, timeout_s=15), word, codes=(1,))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("program", DAEMONS)
@pytest.mark.parametrize("flag", ["--listen", "--http"])
def test_port_in_use(shared, program, flag):
    folder = shared.folder / "port"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        flags = [*daemon_flags(shared, program, folder), flag, address]
        clear_error(shared.run(program, *flags, check=None, timeout_s=15), re.escape(address),
                    "in use", codes=(1,))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("flags", [
    ["--listen", "0.0.0.0:0"], ["--listen", "[::]:0"],
    ["--listen", "127.0.0.1:0", "--advertise", "0.0.0.0:0"],
    ["--listen", "127.0.0.1:0", "--advertise", "nonsense"]])
def test_an_address_that_nobody_could_use_is_not_published(shared, flags):
    folder = shared.folder / "wildcard"
    clear_error(shared.run("vasto-store", "--master", shared.address, "--dir", folder, *flags,
                           check=None, timeout_s=15), "advertise", codes=(1,))
    assert not folder.exists()


def test_a_store_on_all_addresses_says_how_it_is_reached(make_cluster):
    cluster = make_cluster(start=False)
    cluster.start_master()
    store = cluster.start_store(0, address="0.0.0.0:0",
                                flags=["--advertise", "127.0.0.1:0", "--nounix_socket"])
    cluster.wait_for_stores(1)
    published = cluster.vastoadm("-o", "json", "store", "list").json["stores"][0]["address"]
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", published)
    assert store.address == published
    still_serves(cluster)


# data folders

def run_store(cluster, folder, timeout_s=15):
    return cluster.run("vasto-store", "--master", cluster.address, "--dir", folder, "--listen",
                       "127.0.0.1:0", check=None, timeout_s=timeout_s)


def test_folder_that_cannot_be_written(shared):
    for folder in ("/proc/vasto", "/dev/null/store"):
        clear_error(run_store(shared, folder), re.escape(folder), codes=(1,))


def test_folder_that_is_a_file(shared):
    path = shared.folder / "a file"
    path.write_text("")
    clear_error(run_store(shared, path), "a file", codes=(1,))


def test_folder_of_somebody_else(shared):
    """A folder with other people's files is not taken over."""
    folder = shared.folder / "photos"
    folder.mkdir(exist_ok=True)
    (folder / "holiday.jpg").write_text("precious")
    clear_error(run_store(shared, folder), "photos", codes=(1,))
    assert [p.name for p in folder.iterdir()] == ["holiday.jpg"]


def test_folder_in_use(shared):
    folder = shared.store_folder(0)
    clear_error(run_store(shared, folder), re.escape(folder.name), codes=(1,))
    still_serves(shared)


def test_store_of_another_cluster(make_cluster):
    """A store that belongs to one cluster is not taken in by another."""
    first = make_cluster(stores=1)
    first.create("ks")
    first.put("ks", "k", b"v")
    second = make_cluster(stores=1)
    second.create("other")
    assert first.stores[0].stop() == 0
    stranger = first.spawn("stranger", BIN / "vasto-store", "--master", second.address, "--dir",
                           first.store_folder(0), "--listen", "127.0.0.1:0")
    stranger.expected_codes = {0, 1}
    wait_until(lambda: re.search("cluster", stranger.log().split("\n", 1)[-1], re.I),
               "a word about the wrong cluster")
    assert second.live_store_count() == 1
    assert second.keyspaces() == ["other"]
    stranger.stop()
    first.start_store(0)
    first.wait_for_stores(1)
    assert first.get("ks", "k") == b"v"


def test_folder_of_a_newer_format_is_refused(make_cluster):
    cluster = make_cluster(stores=1)
    assert cluster.stores[0].stop() == 0
    identity = cluster.store_folder(0) / "STORE"
    original = identity.read_bytes()
    identity.write_bytes(original.replace(b"\nformat 1\n", b"\nformat 2\n"))
    clear_error(run_store(cluster, cluster.store_folder(0)), "format 2", "newer", codes=(1,))
    identity.write_bytes(original.replace(b"\nterm ", b"\nterm 1"))
    clear_error(run_store(cluster, cluster.store_folder(0)), "checksum", codes=(1,))
    identity.write_bytes(original)
    cluster.start_store(0)
    cluster.wait_for_stores(1)


def test_keyspace_descriptor_of_a_newer_format_is_refused(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("newer")
    cluster.put("newer", "k", b"v")
    assert cluster.stores[0].stop() == 0
    path, = cluster.store_folder(0).glob("keyspaces/*.desc")
    original = path.read_bytes()
    assert original[4] == 1
    path.write_bytes(original[:4] + b"\2" + original[5:])
    clear_error(run_store(cluster, cluster.store_folder(0)), "format 2", "newer", codes=(1,))
    path.write_bytes(original)
    cluster.start_store(0)
    cluster.wait_for_stores(1)
    assert cluster.get("newer", "k") == b"v"


def test_a_shard_of_a_newer_format_is_left_alone(make_cluster):
    """Only it is not served; its files are untouched, and it is back when the format is known."""
    pattern, offset = "shards/*/*/FORMAT", 8
    cluster = make_cluster(stores=1)
    for name in ("newer", "other"):
        cluster.create(name)
        cluster.put(name, "k", name.encode())
    keyspace_id = cluster.describe("newer")["id"]
    assert cluster.stores[0].stop() == 0
    path, = [p for p in cluster.store_folder(0).glob(pattern) if keyspace_id in str(p)]
    original = path.read_bytes()
    assert original[offset] == 1
    changed = original[:offset] + b"\2" + original[offset + 1:]
    path.write_bytes(changed)
    cluster.start_store(0)
    cluster.wait_for_stores(1)
    assert cluster.get("other", "k") == b"other"
    result = cluster.run("vasto", "-m", cluster.address, "--timeout-ms", 1500, "get", "newer", "k",
                         check=None)
    assert result.code != 0 and result.out == b"", result
    assert re.search(r"format 2\b", cluster.stores[0].log()), cluster.stores[0].log()
    assert path.read_bytes() == changed
    assert cluster.stores[0].stop() == 0
    path.write_bytes(original)
    cluster.start_store(0)
    cluster.wait_for_stores(1)
    wait_until(lambda: cluster.vasto("get", "newer", "k", check=None).out == b"newer",
               "the keyspace to be back")


# connections

def test_five_thousand_idle_connections(make_cluster):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000:
        pytest.skip(f"only {hard} open files allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    idle = []
    try:
        cluster = make_cluster(stores=1)
        cluster.create("ks")
        store = cluster.stores[0]
        before = store.memory_kib()
        for _ in range(5000):
            idle.append(connect(store.address))
        wait_until(lambda: store.open_files() >= 5000, "all connections to be accepted", 20)
        start = time.monotonic()
        with libvasto.Client(cluster.address) as client:
            keyspace = client.keyspace("ks")
            for i in range(200):
                keyspace.put(b"k%d" % i, b"v")
                assert keyspace.get(b"k%d" % i) == b"v"
        assert time.monotonic() - start < 10 * SLOW
        if SLOW == 1:
            assert store.memory_kib() - before < 200 << 10
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: store.open_files() < 500, "the connections to be gone", 20)


def test_a_client_that_never_reads_its_replies(make_cluster):
    """Its requests stop being served before its replies fill the memory; others go on."""
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    store = cluster.stores[0]
    mib = (1 << 10) * (1 if SLOW == 1 else 2)  # sanitizers keep freed memory for a while
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"big", b"x" * (4 << 20))
        before = store.memory_kib()
        with connect(store.address) as deaf:
            request = thrift_get_request(cluster, "ks", b"big")
            deaf.settimeout(0.5)
            sender = threading.Thread(target=send_until_stuck, args=(deaf, request * 20000))
            sender.start()
            end = time.monotonic() + 2
            while time.monotonic() < end:
                keyspace.put(b"k", b"v")
                assert keyspace.get(b"k", timeout_ms=5000 * SLOW) == b"v"
                assert store.memory_kib() - before < 400 * mib
            sender.join()
        wait_until(lambda: store.memory_kib() - before < 300 * mib, "the memory to be free again")
    still_serves(cluster)


def send_until_stuck(connection, data):
    try:
        connection.sendall(data)
    except OSError:
        pass


def thrift_get_request(cluster, keyspace, key):
    """The frame of a get as stock Thrift writes it."""
    wire = pytest.importorskip("stock_thrift")
    return wire.get_frame(cluster, keyspace, key)


def test_every_daemon_says_when_it_is_ready(shared):
    for process in shared.processes:
        assert process.lines[0] == f"ready {process.address}"
        assert re.fullmatch(r"127\.0\.0\.1:\d+", process.address)


def test_bin_folder_is_the_one_under_test():
    assert BIN.is_dir() and vasto_cluster.BUILD in BIN.parents
