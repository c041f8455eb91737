# SPDX-License-Identifier: Apache-2.0
"""Networks of a test's own, with cuts: each node a network namespace, a router between them.

The namespaces have no names and no place in the file system: they are there as long as this process
or one of a node holds them. So many tests can have one at once, and one that is killed leaves none.

A cut is made in the router, which drops what one node sends to another without a word, as a broken
network does. A slow link takes packets through a process of ours instead, which holds them back.

Threads: a thread is in one network at a time, and so is what it starts: programs, sockets, threads.
"""

import contextlib
import ctypes
import os
import subprocess

from slow_link import SlowLink

CLONE_NEWNET = 0x40000000
ROUTER = "router"

_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This machine, or this user, cannot make networks. Tests fail then: they are not optional."""


def _check(result, what):
    if result != 0:
        raise Unavailable(f"{what}: {os.strerror(ctypes.get_errno())} (the tests of network faults "
                          "need root, or CAP_SYS_ADMIN and CAP_NET_ADMIN)")


def _here():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _go(namespace):
    _check(_libc.setns(namespace, CLONE_NEWNET), "setns")


def _slow_link(**limits):
    try:
        return SlowLink("slow", **limits)
    except OSError as error:
        raise Unavailable(f"/dev/net/tun: {error}") from None


class Network:
    """nodes: their names. The router reaches all, whatever is cut. close() when nobody is inside."""

    def __init__(self, nodes):
        self.addresses = {node: f"10.77.0.{i + 2}" for i, node in enumerate(nodes)}
        self._namespaces = {}
        self._cuts = set()
        self._slow = None
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        before = _here()
        try:
            for name in [ROUTER, *self.addresses]:
                _check(_libc.unshare(CLONE_NEWNET), "unshare")
                self._namespaces[name] = _here()
        finally:
            _go(before)
            os.close(before)
        with self.inside(ROUTER):
            with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as switch:
                switch.write("1")
        lines = ["link set lo up"]
        for node, address in self.addresses.items():
            lines += [f"link add to-{node} type veth peer name eth0 netns "
                      f"/proc/self/fd/{self._namespaces[node]}",
                      f"addr add 10.77.0.1/32 dev to-{node}", f"link set to-{node} up",
                      f"route add {address}/32 dev to-{node}"]
        self._ip(ROUTER, lines)
        for node, address in self.addresses.items():
            self._ip(node, ["link set lo up", f"addr add {address}/32 dev eth0", "link set eth0 up",
                            "route add 10.77.0.1/32 dev eth0", "route add default via 10.77.0.1"])

    def _ip(self, where, lines):
        with self.inside(where):
            try:
                done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True,
                                      pass_fds=self._namespaces.values(), capture_output=True,
                                      check=False)
            except FileNotFoundError:
                raise Unavailable("there is no program `ip` (iproute2)") from None
        if done.returncode != 0:
            raise Unavailable(f"ip: {done.stderr.strip()}\n" + "\n".join(lines))

    @contextlib.contextmanager
    def inside(self, node):
        """Meanwhile this thread is in the node, or in the router."""
        before = _here()
        try:
            self.enter(node)
            yield
        finally:
            _go(before)
            os.close(before)

    def enter(self, node):
        """From now on this thread is in the node."""
        _go(self._namespaces[node])

    # faults

    def cut(self, sources, targets, one_way=False):
        """Nothing that a source sends arrives at a target any more, nor the other way round."""
        pairs = {(a, b) for a in sources for b in targets if a != b}
        if not one_way:
            pairs |= {(b, a) for a, b in pairs}
        self._rules("add", pairs - self._cuts)
        self._cuts |= pairs

    def isolate(self, nodes):
        """These hear of none of the others any more, and the others not of them."""
        self.cut(nodes, set(self.addresses) - set(nodes))

    def heal(self):
        self._rules("del", self._cuts)
        self._cuts = set()

    def _rules(self, verb, pairs):
        if pairs:
            self._ip(ROUTER, [f"rule {verb} pref 10 from {self.addresses[a]} to "
                              f"{self.addresses[b]} blackhole" for a, b in sorted(pairs)])

    @contextlib.contextmanager
    def slow(self, pairs, **limits):
        """Meanwhile what each of these pairs sends each other takes the way of a SlowLink."""
        with self.inside(ROUTER):
            self._slow = _slow_link(**limits)
        rules = [f"pref 20 iif to-{a} to {self.addresses[b]} lookup 100"
                 for pair in pairs for a, b in (pair, pair[::-1])]
        self._ip(ROUTER, ["link set slow up", "route add default dev slow table 100",
                          *[f"rule add {rule}" for rule in rules]])
        try:
            yield self._slow
        finally:
            self._ip(ROUTER, [f"rule del {rule}" for rule in rules])
            self._slow.close()
            self._slow = None

    def close(self):
        if self._slow:
            self._slow.close()
        for namespace in self._namespaces.values():
            os.close(namespace)
        self._namespaces = {}
