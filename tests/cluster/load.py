# SPDX-License-Identifier: Apache-2.0
"""Loads that remember: which writes were acknowledged, which reads and writes failed."""

import random
import threading

import libvasto


class Load:
    """Threads that put and get distinct keys until stop(); a context manager.

    Each thread writes keys "<name>-<thread>-<n>" with growing n, each once, and reads back what it
    wrote before. With timeout_ms an operation may fail; it is then in `failed` and its write is not
    in `acknowledged`.
    """

    def __init__(self, address, keyspace, threads=4, name="load", timeout_ms=10_000, value_size=100):
        self.acknowledged = {}  # key -> value
        self.failed = []
        self.wrong = []
        self._writes = 0  # acknowledged
        self._name = name
        self._value_size = value_size
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._progress = threading.Condition(self._lock)
        self._client = libvasto.Client(address, timeout_ms=timeout_ms)
        self._keyspace = self._client.keyspace(keyspace)
        self._threads = [threading.Thread(target=self._work, args=(i,), name=f"{name}-{i}")
                         for i in range(threads)]

    def _work(self, thread):
        n = 0
        while not self._stop.is_set():
            key = f"{self._name}-{thread}-{n}".encode()
            value = (key + b"=").ljust(self._value_size, b"x")
            try:
                self._keyspace.put(key, value)
                with self._lock:
                    self.acknowledged[key] = value
                self._count_writes(1)
                old = f"{self._name}-{thread}-{n // 2}".encode()
                got = self._keyspace.get(old)
                with self._lock:
                    if old in self.acknowledged and got != self.acknowledged[old]:
                        self.wrong.append((old, got))
            except libvasto.VastoError as error:
                with self._lock:
                    self.failed.append((key, error))
            n += 1

    def _count_writes(self, count):
        with self._lock:
            self._writes += count
            self._progress.notify_all()

    def wait_for_writes(self, count, timeout_s=30):
        """Until `count` more writes than now are acknowledged."""
        with self._lock:
            goal = self._writes + count
            if not self._progress.wait_for(lambda: self._writes >= goal, timeout_s):
                raise AssertionError(f"{self._writes} of {goal} writes after {timeout_s} s; "
                                     f"failures: {self.failed[-3:]}")

    def lost(self):
        """Those of the writes acknowledged so far that cannot be read back now."""
        with self._lock:
            items = sorted(self.acknowledged.items())
        lost = []
        for start in range(0, len(items), 1000):
            part = items[start:start + 1000]
            results, _ = self._keyspace.multi_get([key for key, _ in part])
            lost += [key for (key, value), (_, got) in zip(part, results) if got != value]
        return lost

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def close(self):
        self.stop()
        self._client.close()


class MixedLoad(Load):
    """Puts, deletes, batches, put-if-absent and put-if-version, each thread on keys of its own.

    `possible` has for each key what a read may return: after an acknowledged write exactly that; a
    write whose answer was lost adds to what there was. A conditional write may be refused after a
    crash, since an earlier try of it can have been carried out: that is such a lost answer too.
    """

    KEYS = 40  # of each thread, written again and again

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.possible = {}  # key -> set of values, None for none
        self.doubted = {}  # key -> those of writes in doubt since the last acknowledged one
        self.acknowledged_by = {}  # kind of write -> how many
        self.doubtful = 0

    def _work(self, thread):
        rng = random.Random(thread)
        kinds = [self._put, self._delete, self._batch, self._if_absent, self._if_version]
        n = 0
        while not self._stop.is_set():
            key = f"{self._name}-{thread}-{rng.randrange(self.KEYS)}".encode()
            value = f"{thread}.{n}=".encode().ljust(self._value_size, b"x")
            kind = kinds[n % len(kinds)]
            try:
                kind(key, value)
                self._check(key)
            except libvasto.VastoError as error:
                with self._lock:
                    self.failed.append((kind.__name__, key, error))
            n += 1

    def _outcome(self, kind, key, value, acknowledged):
        if acknowledged:
            self.possible[key] = {value}
            self.doubted.pop(key, None)
        else:
            self.possible[key] = self.possible.get(key, {None}) | {value}
            self.doubted.setdefault(key, set()).add(value)
        with self._lock:
            if acknowledged:
                self.acknowledged_by[kind] = self.acknowledged_by.get(kind, 0) + 1
            else:
                self.doubtful += 1
        if acknowledged:
            self._count_writes(1)

    def _check(self, key):
        got = self._keyspace.get(key)
        if got not in self.possible.get(key, {None}):
            with self._lock:
                self.wrong.append((key, got))
        # What is in doubt may come later: with the store that has it.
        self.possible[key] = {got} | self.doubted.get(key, set())

    def _put(self, key, value):
        self._try("put", key, value, lambda: self._keyspace.put(key, value))

    def _delete(self, key, _):
        self._try("delete", key, None, lambda: self._keyspace.delete(key))

    def _try(self, kind, key, value, write, allowed=()):
        """allowed: codes that a crash can cause; all others are failures of the test."""
        try:
            write()
        except libvasto.VastoError as error:
            self._outcome(kind, key, value, False)
            if error.code not in allowed and not error.in_doubt:
                raise
        else:
            self._outcome(kind, key, value, True)

    def _batch(self, key, value):
        entries = [(b"%s-%d" % (key, i), value + b"%d" % i if i else None, {}) for i in range(5)]
        codes, _ = self._keyspace.write_batch(entries)
        for (entry_key, entry_value, _), code in zip(entries, codes):
            self._outcome("batch", entry_key, entry_value, code == libvasto.OK)
        if any(code != libvasto.OK for code in codes):
            raise libvasto.VastoError(max(codes), f"codes of a batch: {codes}")

    def _if_absent(self, key, value):
        key += b"-absent"
        self._try("delete", key, None, lambda: self._keyspace.delete(key))
        self._try("if_absent", key, value,
                  lambda: self._keyspace.put(key, value, if_absent=True),
                  (libvasto.ALREADY_EXISTS,))
        self._check(key)

    def _if_version(self, key, value):
        found = self._keyspace.stat(key)
        if found is None:
            return
        self._try("if_version", key, value,
                  lambda: self._keyspace.put(key, value, if_version=found.version),
                  (libvasto.STALE_WRITE,))

    def lost(self):
        """Keys that do not have a value they may have."""
        items = sorted(self.possible.items())
        lost = []
        for start in range(0, len(items), 1000):
            part = items[start:start + 1000]
            results, _ = self._keyspace.multi_get([key for key, _ in part])
            for (key, values), (code, got) in zip(part, results):
                if code not in (libvasto.OK, libvasto.NOT_FOUND) or got not in values:
                    lost.append((key, code, got))
        return lost
