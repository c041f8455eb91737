# SPDX-License-Identifier: Apache-2.0
"""Every option of vasto does what its page says, through real processes."""

import json
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

import libvasto
import vasto_cluster
from vasto_cluster import BIN, SLOW, wait_until

YEAR_NS = 365 * 86400 * 10**9


@pytest.fixture
def ks(shared, request):
    """The name of a fresh keyspace of two shards."""
    name = f"options{abs(hash(request.node.nodeid)) % 10**9}"
    shared.create(name, 2)
    yield name
    shared.vastoadm("keyspace", "delete", name, "--yes")


def numbers(facts):
    """The facts with their 64-bit numbers, which are strings in JSON, as numbers."""
    for name in ("version", "updated_at_ns", "expires_at_ns"):
        if name in facts:
            assert re.fullmatch(r"0|[1-9]\d*", facts[name])
            facts[name] = int(facts[name])
    return facts


def stat(cluster, *argv):
    return numbers(cluster.vasto("-o", "json", "stat", *argv).json)


def partition_in_the_other_shard(cluster, ks, key):
    """A partition key that puts the key where it would not live by itself."""
    cluster.vasto("put", ks, key, "")
    own = stat(cluster, ks, key)["shard"]
    cluster.vasto("del", ks, key)
    for i in range(64):
        cluster.vasto("put", ks, f"p{i}", "")
        found = stat(cluster, ks, f"p{i}")["shard"]
        cluster.vasto("del", ks, f"p{i}")
        if found != own:
            return f"p{i}"
    raise AssertionError("64 keys in one of two shards")


# reads and writes

def test_stat_says_what_is_known_of_a_value(shared, ks):
    before = time.time_ns()
    version = numbers(shared.vasto("-o", "json", "put", ks, "k", "value").json)["version"]
    facts = stat(shared, ks, "k")
    assert facts["schema"] == 1 and facts["key"] == "k"
    assert (facts["size"], facts["version"], facts["expires_at_ns"]) == (5, version, 0)
    assert before - 10**9 < facts["updated_at_ns"] < time.time_ns() + 10**9
    assert facts["shard"] in (0, 1)
    text = shared.vasto("stat", ks, "k").text
    assert re.search(r"^size +5\n", text) and re.search(r"^expires +-$", text, re.M)
    assert re.search(rf"^version +{version}$", text, re.M)
    assert facts["updated_at"] in text
    assert "not found" in shared.vasto("stat", ks, "nothing", check=3).err


def test_json_of_get_put_and_del(shared, ks):
    put = shared.vasto("-o", "json", "put", ks, "k", "v").json
    got = shared.vasto("-o", "json", "get", ks, "k").json
    assert (got["schema"], got["key"], got["value"], got["size"]) == (1, "k", "v", 1)
    assert got["version"] == put["version"] and put["schema"] == 1 and put["key"] == "k"
    shared.put(ks, "bytes", b"\xff\x00")
    assert shared.vasto("-o", "json", "get", ks, "bytes").json["value_base64"] == "/wA="
    gone = shared.vasto("-o", "json", "del", ks, "k").json
    assert gone["version"] > put["version"]
    assert shared.vasto("-o", "json", "get", ks, "k", check=3).out == b""


def test_ttl_of_put_and_touch(shared, ks):
    shared.vasto("put", ks, "k", "v", "--ttl", 1000)
    left = stat(shared, ks, "k")["expires_at_ns"] - time.time_ns()
    assert 990 * 10**9 < left < 1001 * 10**9
    shared.vasto("touch", ks, "k", 0)
    assert stat(shared, ks, "k")["expires_at_ns"] == 0
    version = numbers(shared.vasto("-o", "json", "touch", ks, "k", 1).json)["version"]
    assert stat(shared, ks, "k")["version"] == version
    wait_until(lambda: shared.vasto("get", ks, "k", check=None).code == 3, "the key to expire")
    assert shared.vasto("touch", ks, "k", 5, check=3).err


def test_if_absent(shared, ks):
    shared.vasto("put", ks, "k", "first", "--if-absent")
    refused = shared.vasto("put", ks, "k", "second", "--if-absent", check=1)
    assert "has a value already" in refused.err
    assert shared.get(ks, "k") == b"first"
    shared.vasto("del", ks, "k")
    shared.vasto("put", ks, "k", "third", "--if-absent")
    assert shared.get(ks, "k") == b"third"


def test_if_version(shared, ks):
    shared.vasto("put", ks, "k", "1")
    version = stat(shared, ks, "k")["version"]
    shared.vasto("put", ks, "k", "2", "--if-version", version)
    refused = shared.vasto("put", ks, "k", "3", "--if-version", version, check=1)
    assert "version" in refused.err
    assert shared.get(ks, "k") == b"2"


@pytest.mark.parametrize("ns", [2**63 - 1, 2**64 - 1, time.time_ns() + 2**64 * 1000 // 4096,
                                time.time_ns() + 3600 * 10**9])
def test_an_event_time_ahead_is_refused_however_far(shared, ks, ns):
    if ns >= 2**64:
        pytest.skip("no number of 64 bits")
    refused = shared.vasto("put", ks, "k", "v", "--event-time-ns", ns, check=None)
    assert refused.code in (1, 2) and re.search("ahead|future", refused.err), refused
    shared.vasto("get", ks, "k", check=3)


def test_a_value_that_cannot_be_read_from_stdin_changes_nothing(shared, ks):
    shared.vasto("put", ks, "k", "important")
    command = f"{BIN}/vasto -m {shared.address} put {ks} k -"
    for broken in ("<&-", f"< {shared.folder}", "< /dev/zero"):
        done = subprocess.run(["sh", "-c", f"{command} {broken}"], capture_output=True, text=True,
                              timeout=60 * SLOW, check=False)
        assert done.returncode == 1 and re.search("stdin", done.stderr), done
        assert done.stderr.count("\n") == 1
    assert shared.get(ks, "k") == b"important"


def test_output_that_cannot_be_written_is_a_failure(shared, ks):
    shared.vasto("put", ks, "k", "v")
    for tool, words in (("vasto", f"stat {ks} k"), ("vasto", f"get {ks} k"), ("vasto", f"scan {ks}"),
                        ("vasto", f"export {ks}"), ("vasto", "--help"), ("vastoadm", "status"),
                        ("vastoadm", "keyspace list"), ("vastoadm", "--version")):
        for broken in ("> /dev/full", ">&-"):
            done = subprocess.run(["sh", "-c", f"{BIN}/{tool} -m {shared.address} {words} {broken}"],
                                  capture_output=True, text=True, timeout=60 * SLOW, check=False)
            assert done.returncode == 1 and "stdout" in done.stderr, (words, broken, done)


def test_event_time_of_put_and_del(shared, ks):
    then = time.time_ns() - YEAR_NS
    shared.vasto("put", ks, "k", "old", "--event-time-ns", then)
    assert stat(shared, ks, "k")["updated_at_ns"] // 1000 == then // 1000
    shared.vasto("put", ks, "k", "older", "--event-time-ns", then - 10**9, check=1)
    shared.vasto("del", ks, "k", "--event-time-ns", then - 10**9, check=1)
    assert shared.get(ks, "k") == b"old"
    shared.vasto("del", ks, "k", "--event-time-ns", then + 10**9)
    shared.vasto("get", ks, "k", check=3)
    # The deletion is newer than this, too.
    shared.vasto("put", ks, "k", "late", "--event-time-ns", then + 10**8, check=1)
    ahead = shared.vasto("put", ks, "k", "v", "--event-time-ns", time.time_ns() + YEAR_NS, check=1)
    assert re.search("ahead|future", ahead.err)


def test_partition_key_of_every_command(shared, ks):
    partition = ("--partition-key", partition_in_the_other_shard(shared, ks, "k"))
    shared.vasto("put", ks, "k", "v", *partition)
    assert shared.vasto("get", ks, "k", *partition).out == b"v"
    shared.vasto("get", ks, "k", check=3)  # it does not live where its own hash points
    assert stat(shared, ks, "k", *partition)["size"] == 1
    shared.vasto("touch", ks, "k", 100, *partition)
    assert stat(shared, ks, "k", *partition)["expires_at_ns"] > 0
    shared.vasto("del", ks, "k", *partition)
    shared.vasto("get", ks, "k", *partition, check=3)


def test_scan_keys_only(shared, ks):
    for key in ("a", "b\tc", "d"):
        shared.vasto("put", ks, key, "value")
    assert shared.vasto("scan", ks, "--keys-only").text == "a\nb\\x09c\nd\n"
    rows = [json.loads(line) for line in
            shared.vasto("-o", "json", "scan", ks, "--keys-only", "--limit", 2).text.splitlines()]
    assert [row["key"] for row in rows] == ["a", "b\tc"]
    assert not any("value" in row for row in rows)


# export and import

def test_export_to_a_file_with_a_prefix(shared, ks):
    for key in ("a1", "a2", "b1"):
        shared.vasto("put", ks, key, f"of {key}")
    path = shared.folder / f"{ks}.jsonl"
    assert shared.vasto("export", ks, path, "--prefix", "a").out == b""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["key"], row["value"]) for row in rows] == [("a1", "of a1"), ("a2", "of a2")]
    assert list(shared.folder.glob(f"{ks}.jsonl*")) == [path]  # no temporary file is left
    missing = shared.vasto("export", ks, "/nowhere/at/all", check=1)
    assert "/nowhere/at/all" in missing.err and missing.err.count("\n") == 1


def test_import_keeps_event_times_and_never_overwrites_newer_data(shared, ks):
    then = time.time_ns() // 1000 * 1000 - YEAR_NS
    path = shared.folder / f"{ks}.jsonl"
    path.write_text("".join(json.dumps({"key": f"k{i}", "value": "old", "updated_at_ns": then})
                            + "\n" for i in range(5)))
    shared.vasto("put", ks, "k0", "new")
    assert shared.vasto("-o", "json", "import", ks, path).json == {
        "schema": 1, "imported": 4, "skipped": 1}
    assert shared.get(ks, "k0") == b"new"
    assert stat(shared, ks, "k1")["updated_at_ns"] == then
    # Again: nothing is newer, nothing changes.
    text = shared.vasto("import", ks, path).text
    assert re.fullmatch(r"imported \d, skipped \d older than what is stored\n", text)
    assert shared.get(ks, "k0") == b"new"
    # --now makes them new writes.
    answer = shared.vasto("-o", "json", "import", ks, path, "--now", "--batch", 2).json
    assert (answer["imported"], answer["skipped"]) == (5, 0)
    assert shared.get(ks, "k0") == b"old"
    assert stat(shared, ks, "k1")["updated_at_ns"] > then + YEAR_NS // 2


def test_readers_of_doubles_lose_nothing(shared, ks):
    """jq 1.6 and many others keep JSON numbers as doubles."""
    def through_doubles(line):
        return json.dumps(json.loads(line, parse_int=float)) + "\n"

    shared.vasto("put", ks, "k", "v", "--partition-key", "elsewhere", "--ttl", 5000)
    exported = shared.vasto("export", ks).text
    shared.create(f"{ks}copy", 5)
    try:
        shared.vasto("import", f"{ks}copy", input=through_doubles(exported).encode())
        assert shared.vasto("export", f"{ks}copy").text == exported
    finally:
        shared.vastoadm("keyspace", "delete", f"{ks}copy", "--yes")


def test_export_leaves_everything_but_its_file_alone(shared, ks):
    shared.vasto("put", ks, "k", "v")
    exported = shared.vasto("export", ks).out
    folder = shared.folder / f"{ks}-files"
    folder.mkdir()
    # A file that is replaced keeps its permissions; one that has a likely name nearby is no target.
    (folder / "secret").write_text("old")
    (folder / "secret").chmod(0o600)
    (folder / "secret.tmp").write_text("precious")
    # A link stays one.
    (folder / "link").symlink_to("target")
    (folder / "target").write_text("old")
    for name in ("secret", "link", "new"):
        shared.vasto("export", ks, folder / name)
        assert (folder / name).read_bytes() == exported
    assert (folder / "secret").stat().st_mode & 0o777 == 0o600
    assert (folder / "link").is_symlink()
    # A pipe is written, not replaced.
    os.mkfifo(folder / "pipe")
    with subprocess.Popen(["cat", folder / "pipe"], stdout=subprocess.PIPE) as reader:
        shared.vasto("export", ks, folder / "pipe")
        assert reader.communicate(timeout=20 * SLOW)[0] == exported
    assert (folder / "pipe").is_fifo()
    for wrong in ("", folder, folder / "absent" / "file"):
        result = shared.vasto("export", ks, wrong, check=None)
        assert result.code in (1, 2) and result.err.count("\n") == 1, result
    assert sorted(path.name for path in folder.iterdir()) == [
        "link", "new", "pipe", "secret", "secret.tmp", "target"]
    assert (folder / "secret.tmp").read_text() == "precious"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_export_that_a_signal_ends_leaves_nothing(make_cluster, number):
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    cluster.put("ks", "k", b"v")
    folder = cluster.folder / "out"
    folder.mkdir()
    (folder / "file").write_text("old")
    with cluster.stores[0].paused():
        export = cluster.spawn("export", BIN / "vasto", "-m", cluster.address, "export", "ks",
                               folder / "file")
        wait_until(lambda: len(list(folder.iterdir())) == 2, "the temporary file")
        export.expected_codes = {-number}
        export.signal(number)
        assert export.popen.wait(timeout=10 * SLOW) == -number
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert (folder / "file").read_text() == "old"


def test_import_and_export_carry_everything_of_a_value(shared, ks):
    """Time to live, type, partition and event time; into another number of shards."""
    then = time.time_ns() // 1000 * 1000 - YEAR_NS
    rng = random.Random(5)
    escapes = bytes(range(1, 32)) * 30
    with libvasto.Client(shared.address) as client:
        source = client.keyspace(ks)
        partition = libvasto.partition_hash(b"somewhere")
        source.put(b"plain", b"1")
        source.put(b"expires", b"2", ttl_seconds=10_000)
        source.put(b"typed", b"3", value_type=77)
        source.put(b"placed", b"4", partition=partition)
        source.put(b"dated", b"5", updated_at_ns=then)
        source.put(b"all \xff", rng.randbytes(40), partition=partition, ttl_seconds=20_000,
                   value_type=99, updated_at_ns=then)
        source.put(b"escapes", escapes)
        exported = shared.vasto("export", ks).out
        # Control characters take six bytes each in JSON, so they travel as base64.
        assert len(exported) < 2 * len(escapes) + 2000
        shared.create(f"{ks}copy", 5)
        try:
            assert shared.vasto("-o", "json", "import", f"{ks}copy", input=exported).json == {
                "schema": 1, "imported": 7, "skipped": 0}
            assert shared.vasto("export", f"{ks}copy").out == exported
            copy = client.keyspace(f"{ks}copy")
            for key, where in ((b"plain", None), (b"expires", None), (b"typed", None),
                               (b"placed", partition), (b"dated", None), (b"all \xff", partition),
                               (b"escapes", None)):
                a, b = source.read(key, partition=where), copy.read(key, partition=where)
                assert vars(a) == vars(b), key
            assert copy.read(b"typed").type == 77
            assert copy.read(b"dated").updated_at_ns == then
            assert copy.read(b"expires").expires_at_ns > time.time_ns()
        finally:
            shared.vastoadm("keyspace", "delete", f"{ks}copy", "--yes")


@pytest.mark.parametrize("lines,place,words", [
    (['{"key": "a", "value": "1"}', "", '{"key": "b"}'], 3, "value"),
    (['{"key": "a", "value": "1"}', "[1]"], 2, "object"),
    (['{"key": "a", "value_base64": "?"}'], 1, "base64"),
    (['{"key": "a", "value": "1", "updated_at_ns": -1}'], 1, "updated_at_ns"),
    # What only the cluster can know, in the middle of a batch.
    (['{"key": "a", "value": "1"}', "",
      '{"key": "b", "value": "2", "updated_at_ns": 9000000000000000000}',
      '{"key": "c", "value": "3"}'], 3, "ahead|future"),
    (['{"key": "%s", "value": "1"}' % ("k" * 70000)], 1, "65536|too large|limit"),
])
def test_an_import_that_fails_names_the_line(shared, ks, lines, place, words):
    text = "\n".join(lines) + "\n"
    path = shared.folder / f"{ks}.jsonl"
    path.write_text(text)
    for name, argv, given in (("stdin", [], text.encode()), (str(path), [path], None)):
        result = shared.vasto("import", ks, *argv, input=given, check=None)
        assert result.code in (1, 2) and result.err.count("\n") == 1, result
        assert result.err.startswith(f"vasto: {name}:{place}: "), result
        assert re.search(words, result.err), result


def test_an_import_of_something_without_lines_ends_soon(shared, ks):
    """It must not read an endless line into the memory."""
    limit = 180 << 20
    with subprocess.Popen([BIN / "vasto", "-m", shared.address, "import", ks],
                          bufsize=0, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=vasto_cluster.environment(shared.folder)) as tool:
        written = 0
        with pytest.raises(BrokenPipeError):
            while written < 2 * limit:
                tool.stdin.write(b"x" * (1 << 20))
                written += 1 << 20
            pytest.fail(f"{written} bytes of one line were taken")
        assert re.fullmatch(r"vasto: stdin:1: the line is longer than \S+ MiB\n",
                            tool.stderr.read().decode())
        assert tool.wait(10 * SLOW) == 2


# bench

def test_bench_writes_the_keys_and_sizes_it_was_told(shared, ks):
    shared.vasto("bench", ks, "--workload", "put", "--operations", 60, "--keys", 40,
                 "--distribution", "sequential", "--value-size", 333)
    rows = [json.loads(line) for line in shared.vasto("export", ks).text.splitlines()]
    # In sequence all keys are met; drawn at random, 60 of 40 leave some out.
    assert len(rows) == 40
    with libvasto.Client(shared.address) as client:
        assert {len(value) for _, value in client.keyspace(ks).scan()} == {333}


def tcp_peers(pid):
    """Remote ports of the established TCP connections of a process."""
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd))
        except FileNotFoundError:
            continue
        if match:
            inodes.add(match.group(1))
    peers = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes and fields[3] == "01":
            peers.add(int(fields[2].split(":")[1], 16))
    return peers


@pytest.mark.parametrize("flags", [[], ["--tcp"]])
def test_bench_over_tcp(shared, ks, flags):
    stores = {int(s.address.rsplit(":", 1)[1]) for s in shared.stores.values()}
    with subprocess.Popen(
            [BIN / "vasto", "-m", shared.address, "bench", ks, "--workload", "put", "--rate", "400",
             "--operations", "400", *flags], stdout=subprocess.DEVNULL,
            env=vasto_cluster.environment(shared.folder)) as bench:
        if flags:
            wait_until(lambda: tcp_peers(bench.pid) >= stores, "connections to both stores")
        wait_until(lambda: shared.vasto("scan", ks).text.count("\n") > 20, "writes to both shards")
        seen = tcp_peers(bench.pid) & stores
        assert bench.poll() is None
        assert bench.wait(20 * SLOW) == 0
    assert seen == (stores if flags else set())


def test_an_open_loop_shows_a_stall_in_every_operation_it_delayed(make_cluster):
    """Latency counts from the intended start, so a second without service is not one slow answer."""
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    with subprocess.Popen(
            [BIN / "vasto", "-m", cluster.address, "-o", "json", "bench", "ks", "--workload", "put",
             "--rate", "1000", "--operations", "2500"], stdout=subprocess.PIPE,
            env=vasto_cluster.environment(cluster.folder)) as bench:
        wait_until(lambda: cluster.vasto("scan", "ks", "--limit", 1).out, "the first writes")
        with cluster.stores[0].paused():
            time.sleep(1)  # the length of the stall is what is measured
        report = json.loads(bench.stdout.read())
        assert bench.wait(20 * SLOW) == 0
    latency = report["latency_us"]
    assert report["operations"] == 2500 and report["errors"] == {}
    # 1000 of 2500 were due during the stall, each waited for what was left of it: the top tenth of
    # all more than 700 ms. A closed loop would have 50 slow ones of 2500.
    assert latency["p90"] > 500_000, latency
    assert latency["max"] > 900_000, latency
    if SLOW == 1:
        assert latency["p50"] < 300_000, latency
        assert report["seconds"] > 2.4


# completion

COMPLETE = """
. /usr/share/bash-completion/bash_completion || true
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
function_of=$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function_of "$1" "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completions(cluster, *words):
    env = vasto_cluster.environment(cluster.folder)
    env["PATH"] = f"{BIN}:{env['PATH']}"
    env["VASTO_MASTER"] = cluster.address
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", vasto_cluster.ROOT / "daemons/cli/completion/vasto",
         *words], capture_output=True, text=True, check=True, cwd=cluster.folder, env=env)
    return done.stdout.split()


def test_bash_completion_of_both_tools(shared, ks):
    assert completions(shared, "vasto", "") == [
        "get", "stat", "scan", "put", "del", "merge", "touch", "export", "import", "bench", "watch",
        "shell"]
    assert completions(shared, "vasto", "ex") == ["export"]
    assert {"--master", "--output", "--timeout-ms"} <= set(completions(shared, "vasto", "--"))
    assert {"--ttl", "--if-absent", "--if-version", "--event-time-ns", "--partition-key"} <= set(
        completions(shared, "vasto", "put", "--"))
    assert set(completions(shared, "vasto", "scan", "--k")) == {"--keys-only"}
    assert completions(shared, "vasto", "-o", "") == ["table", "json"]
    assert completions(shared, "vasto", "bench", ks, "--distribution", "z") == ["zipfian"]
    assert "batch_put" in completions(shared, "vasto", "bench", ks, "--workload", "")
    assert ks in completions(shared, "vasto", "get", "")
    assert completions(shared, "vasto", "-m", shared.address, "get", ks[:-1]) == [ks]
    assert completions(shared, "vastoadm", "keyspace", "d") == ["describe", "delete"]
    assert completions(shared, "vastoadm", "keyspace", "delete", ks) == [ks]
    assert completions(shared, "vastoadm", "keyspace", "create", "x", "--acks", "") == [
        "one", "quorum", "all"]
