# SPDX-License-Identifier: Apache-2.0
"""A load that writes down each operation, and what must be true of such a history.

Operation: who did what to which key, from when to when, with which result. check() compares a
history with what the replicas hold in the end; fresh() says which reads missed something.
"""

import dataclasses
import json
import random
import threading
import time
from collections import defaultdict

import libvasto
from vasto_cluster import SLOW

DEADLINE_S = 10  # of each operation
LATE_S = 2       # a thread may be that late on a busy machine
HOT_KEYS = 12    # of each keyspace, written by all clients at once
COUNTERS = 4     # of each keyspace, added to by all clients at once
MERGE_MS = 1000  # deadline of an addition, which ends in doubt with the first attempt that does


@dataclasses.dataclass(repr=False)
class Operation:
    """Times: time.monotonic(). result: ok, doubt or failed. version: event time that it got or read;
    0: unknown, or nothing there."""
    client: str
    keyspace: str
    kind: str  # put, delete, get or merge (adds 1)
    key: bytes
    value: bytes | None  # written or read
    start: float
    end: float = 0.0
    result: str = "ok"
    version: int = 0
    error: str = ""

    def __repr__(self):
        value = self.value and self.value.split(b"=")[0].decode(errors="replace")
        return (f"[{self.client} {self.kind} {self.keyspace}/{self.key.decode()} {value} "
                f"at {self.start:.3f} for {self.end - self.start:.3f} s: {self.result} "
                f"{self.version} {self.error}]")


class HistoryLoad:
    """For each client and keyspace a thread each that writes, reads and counts; a context manager.

    clients: {name: a function that brings a thread to its place in the network}. Each client writes
    keys of its own, each once, deletes some of them, and writes and deletes keys that all share.
    """

    def __init__(self, address, clients, keyspaces, run="", value_size=60, pace_s=0.005):
        self.operations = []
        self.keyspaces = list(keyspaces)
        self._address = address
        self.run = run
        self._value_size = value_size
        self._pace_s = pace_s
        self._stop = threading.Event()
        self._progress = threading.Condition()
        self._done = defaultdict(int)      # (client, keyspace, "read" or "write"): without an error
        self._written = defaultdict(list)  # keyspace: keys that were written lately
        self._crashed = []
        self._libraries, self._threads = [], []
        for client, enter in clients.items():
            opener = threading.Thread(target=self._guard, args=(self._open, client, enter))
            opener.start()
            opener.join()
        self._raise()

    def _guard(self, function, *args):
        try:
            function(*args)
        except Exception as error:  # told by the thread that waits
            with self._progress:
                self._crashed.append(f"{function.__name__}{args[:2]}: {error!r}")
                self._progress.notify_all()

    def _raise(self):
        if self._crashed:
            raise AssertionError("\n".join(self._crashed))

    def _open(self, client, enter):
        """In a thread of its own, in the client's place: so are then the library's threads."""
        enter()
        library = libvasto.Client(self._address, timeout_ms=DEADLINE_S * 1000)
        self._libraries.append(library)
        for name in self.keyspaces:
            keyspace = library.keyspace(name)
            for work in (self._write, self._read, self._count):
                self._threads.append(threading.Thread(
                    target=self._guard, args=(work, client, name, keyspace, enter),
                    name=f"{client} {name} {work.__name__}"))

    def _write(self, client, name, keyspace, enter):
        enter()
        rng, own, n = random.Random(f"{client}{name}{self.run}"), [], 0
        while not self._stop.wait(self._pace_s):
            n += 1
            choice = rng.random()
            if choice < 0.1 and own:
                kind, key = "delete", own.pop(rng.randrange(len(own)))
            elif choice < 0.5:
                kind, key = "put", f"{self.run}-{client}-{n}".encode()
                own.append(key)
            else:
                kind = "delete" if choice < 0.6 else "put"
                key = f"{self.run}-hot-{rng.randrange(HOT_KEYS)}".encode()
            self._written[name] = [*self._written[name][-50:], key]
            value = f"{client}.{n}=".encode().ljust(self._value_size, b"x")
            if kind == "put":
                self._do(Operation(client, name, kind, key, value, time.monotonic()),
                         lambda: keyspace.put(key, value))
            else:
                self._do(Operation(client, name, kind, key, None, time.monotonic()),
                         lambda: keyspace.delete(key))

    def _read(self, client, name, keyspace, enter):
        enter()
        rng = random.Random()
        while not self._stop.wait(self._pace_s):
            keys = self._written[name]
            if keys:
                key = rng.choice(keys)
                self._do(Operation(client, name, "get", key, None, time.monotonic()),
                         lambda: keyspace.read(key))

    def _count(self, client, name, keyspace, enter):
        enter()
        rng = random.Random()
        while not self._stop.wait(self._pace_s):
            key = f"{self.run}-count-{rng.randrange(COUNTERS)}".encode()
            self._do(Operation(client, name, "merge", key, b"1", time.monotonic()),
                     lambda: keyspace.merge(key, "add", b"1", timeout_ms=MERGE_MS))

    def _do(self, operation, call):
        try:
            got = call()
            if operation.kind != "get":
                operation.version = got
            elif got is not None:
                operation.value, operation.version = got.data, got.version
        except libvasto.VastoError as error:
            operation.result = "doubt" if error.in_doubt else "failed"
            operation.error = str(error)
        operation.end = time.monotonic()
        with self._progress:
            self.operations.append(operation)
            if operation.result == "ok":
                kind = {"get": "read", "merge": "count"}.get(operation.kind, "write")
                self._done[operation.client, operation.keyspace, kind] += 1
                self._progress.notify_all()

    def wait_for(self, count, kinds, timeout_s=DEADLINE_S):
        """Until each of these (client, keyspace, "read" or "write") did `count` more."""
        with self._progress:
            goals = {kind: self._done[kind] + count for kind in kinds}

            def missing():
                return {kind: self._done[kind] - goal for kind, goal in goals.items()
                        if self._done[kind] < goal}

            if not self._progress.wait_for(lambda: self._crashed or not missing(), timeout_s * SLOW):
                raise AssertionError(f"after {timeout_s * SLOW} s these did not go on: {missing()}")
        self._raise()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def close(self):
        self.stop()
        for library in self._libraries:
            library.close()
        self._libraries = []

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.close()

    def save(self, path):
        """One operation a line."""
        with open(path, "w", encoding="utf-8") as file:
            for operation in self.operations:
                fields = dataclasses.asdict(operation)
                for name in ("key", "value"):
                    fields[name] = fields[name] and fields[name].decode(errors="replace")[:60]
                file.write(json.dumps(fields) + "\n")


def of_keyspace(operations, keyspace):
    """{key: its operations}, of one keyspace."""
    keys = defaultdict(list)
    for operation in operations:
        if operation.keyspace == keyspace:
            keys[operation.key].append(operation)
    return keys


def _latest(write):
    """The highest event time that a write may have. One that was repeated may be there twice, the
    other time with one that its first store gave it, while it was under way."""
    return write.version + (int((write.end - write.start) * 1e6) << 12)


def _wrong_end(writes, found):
    """What is wrong with what the replicas hold of a key in the end: (event time, value) or None."""
    done = [w for w in writes if w.result == "ok"]
    # Two stores may give the same event time to two writes; a delete wins then, else whichever all agree on.
    newest = max(done, key=lambda w: (w.version, w.kind == "delete"), default=None)
    doubtful = [w for w in writes if w.result == "doubt"]
    if found is None:
        if newest is None or any(w.kind == "delete" and _latest(w) >= newest.version for w in done) \
                or any(w.kind == "delete" for w in doubtful):
            return ""
        return "lost"
    version, value = found
    if newest and newest.kind == "delete" and version <= newest.version:
        return "came back"
    if newest and version < newest.version:
        return "older than what was acknowledged"
    if newest and version == newest.version:
        alike = {w.value for w in done if w.version == version}
        return "" if value in alike else "other than what was acknowledged"
    if any(w.value == value for w in doubtful) \
            or any(w.value == value and _latest(w) >= version for w in done):
        return ""
    return "written again" if any(w.value == value for w in done) else "from nowhere"


def _miscounted(key, merges, found):
    """What is wrong with a counter in the end, or nothing."""
    least = sum(m.result == "ok" for m in merges)
    most = least + sum(m.result == "doubt" for m in merges)
    value = int(found[1]) if found else 0
    if least <= value <= most:
        return []
    return [f"{'lost' if value < least else 'counted twice'}: {key.decode()} is {value}, "
            f"not from {least} to {most}"]


def check(operations, keyspace, rows):
    """Problems of a finished history. rows: {key: (event time, value)}, what the replicas hold."""
    problems = []
    merges = of_keyspace((o for o in operations if o.kind == "merge"), keyspace)
    for key, history in merges.items():
        problems += _miscounted(key, history, rows.get(key))
    operations = [o for o in operations if o.kind != "merge"]
    for key, history in of_keyspace(operations, keyspace).items():
        writes = [o for o in history if o.kind != "get"]
        wrong = _wrong_end(writes, rows.get(key))
        if wrong:
            problems.append(f"{wrong}: {keyspace} {key.decode()} is {rows.get(key)}, last writes: "
                            f"{sorted(writes, key=lambda w: w.end)[-3:]}")
        possible = {w.value for w in writes if w.result != "failed"}
        problems += [f"from nowhere: {o}" for o in history
                     if o.kind == "get" and o.value is not None and o.value not in possible]
    for o in operations:
        if o.keyspace == keyspace and o.end - o.start > DEADLINE_S + LATE_S:
            problems.append(f"late: {o.end - o.start:.1f} s: {o}")
        if o.keyspace == keyspace and o.result != "ok":
            problems.append(f"error: {o}")
    return problems


def missed(operations, keyspace):
    """Reads that did not show a write, or a later one, which was acknowledged before they began."""
    found = []
    for history in of_keyspace(operations, keyspace).values():
        writes = [o for o in history if o.kind != "get"]
        for read in history:
            if read.kind != "get" or read.result != "ok":
                continue
            before = [w for w in writes if w.result == "ok" and w.end < read.start]
            newest = max(before, key=lambda w: w.version, default=None)
            if newest is None or read.version >= newest.version:
                continue
            # Nothing there has no event time: any deletion may be the reason that is not older.
            if read.value is None and any(
                    w.kind == "delete" and w.start < read.end
                    and (w.result != "ok" or w.version >= newest.version) for w in writes):
                continue
            found.append((read, newest))
    return found
