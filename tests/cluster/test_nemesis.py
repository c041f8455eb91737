# SPDX-License-Identifier: Apache-2.0
"""Faults of all kinds at random, for hours if wanted: nothing acknowledged is lost.

VASTO_SOAK_SECONDS says how long (default 600), VASTO_SEED which faults; the seed of a run is printed.
"""

import contextlib
import os
import random
import time
from collections import Counter

import pytest

import faulty
from net_cluster import finish, keep

STORES = ("store0", "store1", "store2")
CLIENTS = ("a", "b")
KEYSPACES = {"one3": (3, "one"), "quorum3": (3, "quorum"), "one2": (2, "one"),
             "quorum2": (2, "quorum")}
LONGEST_S = 3  # of a fault: what waits for its end has to be done within the deadline
# What one store has acknowledged alone is to survive the loss of its power.
SYNC = {"one": "always", "quorum": "none"}


class Nemesis:
    """Faults of one cluster. Each waits a while and leaves the cluster whole."""

    def __init__(self, cluster, rng):
        self.cluster = cluster
        self.network = cluster.network
        self.rng = rng
        self.done = Counter()
        self.kinds = [self.kill_store, self.kill_master, self.kill_all, self.stop_store,
                      self.restart_store, self.isolate_store, self.halves, self.one_way,
                      self.master_away, self.client_away, self.flap, self.slow, self.cut_and_kill]
        if faulty.AVAILABLE:
            self.kinds += [self.cut_power, self.move_clock]
        self.power_was_cut = False  # since the replicas were alike

    def strike(self):
        # A second store could lose what the first has just lost.
        kind = self.rng.choice([kind for kind in self.kinds
                                if not (kind == self.cut_power and self.power_was_cut)])
        self.done[kind.__name__] += 1
        kind()
        self.network.heal()
        return kind.__name__

    def _wait(self, longest_s=LONGEST_S):
        time.sleep(self.rng.uniform(0.01, longest_s))

    def _index(self):
        return self.rng.randrange(len(STORES))

    def _start(self, index):
        self.cluster.start_store(index)

    def kill_store(self):
        index = self._index()
        self.cluster.stores[index].kill9()
        self._wait()
        self._start(index)

    def cut_power(self):
        self.power_was_cut = True
        index = self._index()
        self.cluster.cut_power([index])
        self._wait()
        self._start(index)

    def move_clock(self):
        index = self._index()
        ahead_s = self.rng.choice([0.01, 0.5, 5, 60, 3600]) * self.rng.choice([1, -1])
        self.cluster.move_clock(index, ahead_s)
        self._wait()
        self.cluster.move_clock(index, 0)

    def kill_master(self):
        self.cluster.master.kill9()
        self._wait()
        self.cluster.start_master()

    def kill_all(self):
        for process in [self.cluster.master, *self.cluster.stores.values()]:
            process.kill9()
        self.cluster.start_master()
        for index in range(len(STORES)):
            self._start(index)

    def stop_store(self):
        process = self.cluster.stores[self._index()]
        with process.paused():
            self._wait()

    def restart_store(self):
        self.cluster.restart_store(self._index())

    def isolate_store(self):
        self.network.isolate([self.rng.choice(STORES)])
        self._wait()

    def halves(self):
        self.network.isolate([self.rng.choice(STORES), self.rng.choice(CLIENTS)])
        self._wait()

    def one_way(self):
        one, others = self.rng.choice(STORES), self.rng.sample([*STORES, "master", *CLIENTS], 3)
        ends = [[one], others] if self.rng.random() < 0.5 else [others, [one]]
        self.network.cut(*ends, one_way=True)
        self._wait()

    def master_away(self):
        self.network.cut(["master"], self.rng.sample(STORES, self.rng.randint(1, 3)))
        self._wait()

    def client_away(self):
        self.network.cut([self.rng.choice(CLIENTS)], [self.rng.choice(STORES)])
        self._wait()

    def flap(self):
        for _ in range(self.rng.randint(2, 10)):
            self.network.isolate([self.rng.choice(STORES)])
            self._wait(0.4)
            self.network.heal()
            self._wait(0.1)

    def slow(self):
        pairs = self.rng.sample([(a, b) for a in STORES for b in STORES if a < b],
                                self.rng.randint(1, 3))
        with self.network.slow(pairs, delay_s=self.rng.uniform(0, 0.2)) as link:
            self._wait()
            if self.rng.random() < 0.5:
                link.stall()
                self._wait()

    def cut_and_kill(self):
        """One store is cut off, another is killed, and is back first."""
        one, other = self.rng.sample(range(len(STORES)), 2)
        self.network.isolate([STORES[one]])
        self._wait(1)
        self.cluster.stores[other].kill9()
        self._wait(1)
        self._start(other)


@pytest.mark.soak
def test_soak_nemesis(capsys, request):
    seed = int(os.environ.get("VASTO_SEED", random.randrange(10**6)))
    end = time.monotonic() + int(os.environ.get("VASTO_SOAK_SECONDS", "600"))
    with capsys.disabled():
        print(f"\nnemesis: VASTO_SEED={seed}", flush=True)
    operations = acknowledged = lost = 0
    with faulty.FaultyNetCluster(stores=len(STORES)) as cluster:
        request.node.clusters = [cluster]
        nemesis = Nemesis(cluster, random.Random(seed))
        for name, (count, acks) in KEYSPACES.items():
            cluster.create(name, 3, count, "--acks", acks, "--sync", SYNC[acks])
        load = None
        try:
            for number in range(10**9):
                load = cluster.load(KEYSPACES, run=f"round{number}")
                with load:
                    everything = [(client, keyspace, kind) for client in CLIENTS
                                  for keyspace in KEYSPACES for kind in ("read", "write")]
                    load.wait_for(5, everything)
                    for _ in range(nemesis.rng.randint(1, 2)):
                        nemesis.strike()
                    load.wait_for(5, everything, 20)
                operations += len(load.operations)
                acknowledged += sum(o.kind != "get" and o.result == "ok" for o in load.operations)
                finish(cluster, load)
                nemesis.power_was_cut = False
                if time.monotonic() > end:
                    break
        except BaseException as error:
            lost = str(error).count("\nlost: ") + str(error).count("\nolder than")
            with contextlib.suppress(OSError):
                keep(cluster, load)
            raise
        finally:
            with capsys.disabled():
                faults = ", ".join(f"{name} {n}" for name, n in sorted(nemesis.done.items()))
                print(f"nemesis: faults: {faults}; operations {operations}, acknowledged writes "
                      f"checked {acknowledged}, lost {lost}", flush=True)
